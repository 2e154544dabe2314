-- Let a row wait before it is sent again; its lane waits with it.
UPDATE outbox SET state = 'ready', intent_epoch = NULL, run_at = now() + make_interval(secs => $3::float8),
       attempts = $4::integer, ambiguous = ambiguous + $5::integer, last_error = $6::text
 WHERE id = $1::bigint AND (state = 'ready' OR (state = 'sending' AND intent_epoch <= $2::bigint))
