-- Note that chat $1 is now $2; whoever had moved to $1 is there as well, so that one look is always enough.
WITH passed_on AS (
    UPDATE chat_moved SET new_id = $2::bigint WHERE new_id = $1::bigint
)
INSERT INTO chat_moved (old_id, new_id) VALUES ($1::bigint, $2::bigint)
    ON CONFLICT (old_id) DO UPDATE SET new_id = excluded.new_id
