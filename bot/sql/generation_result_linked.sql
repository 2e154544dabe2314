-- Telegram does not take these files, so large are they: they go as links.
UPDATE generation_result SET size = NULL WHERE generation_id = $1::bigint AND place = ANY ($2::integer[]) AND url IS NOT NULL
