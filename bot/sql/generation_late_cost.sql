-- What a late result cost the operator, and where it lies; nothing of it is charged.
UPDATE generation SET cost = $2::bigint, result_url = $3::text WHERE id = $1::bigint AND state = 'released'
