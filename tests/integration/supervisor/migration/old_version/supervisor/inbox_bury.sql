-- Give a row up and keep it as a dead letter, with the reason of its last failure if one was noted.
UPDATE inbox SET state = 'dead', owner_epoch = NULL, settled_at = now(), last_error = coalesce(last_error, $3::text)
 WHERE id = $1::bigint AND state = 'claimed' AND owner_epoch = $2::bigint
RETURNING id
