-- Where a chat has moved to; no row when it has not.
SELECT new_id FROM chat_moved WHERE old_id = $1::bigint
