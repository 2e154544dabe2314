-- Note why a handler failed; the row stays claimed, because its lane waits for it in memory.
UPDATE inbox SET last_error = $3::text
 WHERE id = $1::bigint AND state = 'claimed' AND owner_epoch = $2::bigint
RETURNING id
