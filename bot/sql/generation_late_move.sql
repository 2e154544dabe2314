-- One step of a late result, from the state it was seen in: no row when it has moved on.
UPDATE generation_late SET state = $3::text WHERE generation_id = $1::bigint AND state = $2::text RETURNING generation_id
