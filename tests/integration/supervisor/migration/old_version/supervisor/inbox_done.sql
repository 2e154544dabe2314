-- Settle a handled row, in the transaction of its handler.
UPDATE inbox SET state = 'done', owner_epoch = NULL, settled_at = now(), last_error = NULL
 WHERE id = $1::bigint AND state = 'claimed' AND owner_epoch = $2::bigint
RETURNING id
