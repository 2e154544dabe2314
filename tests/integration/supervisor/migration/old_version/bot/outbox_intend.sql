-- Mark the intent to send a row, before the call; nothing is returned when a newer edit has replaced the row.
UPDATE outbox SET state = 'sending', intent_epoch = $2::bigint, attempts = $3::integer
 WHERE id = $1::bigint AND (state = 'ready' OR (state = 'sending' AND intent_epoch = $2::bigint))
RETURNING id
