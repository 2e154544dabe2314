-- Let a row wait before it is sent again; its lane waits with it. Said twice, because the answer to the first commit was
-- lost, it counts once.
UPDATE outbox SET state = 'ready', intent_epoch = NULL, run_at = now() + make_interval(secs => $3::float8),
       attempts = $4::integer, ambiguous = ambiguous + CASE WHEN state = 'sending' THEN $5::integer ELSE 0 END,
       last_error = $6::text
 WHERE id = $1::bigint AND (state = 'ready' OR (state = 'sending' AND intent_epoch <= $2::bigint))
