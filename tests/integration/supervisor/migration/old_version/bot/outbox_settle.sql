-- Note the end of a row: sent or failed. Nothing is returned when it has ended already.
UPDATE outbox SET state = $3::text, intent_epoch = NULL, settled_at = now(),
       result_message_id = $4::bigint, result_file_id = $5::text, last_error = $6::text
 WHERE id = $1::bigint AND (state = 'ready' OR (state = 'sending' AND intent_epoch <= $2::bigint))
RETURNING id
