-- One generation as its next step needs it.
SELECT generation.id, user_id, chat_id, model_id, inputs, price, generation.state, hold_id, task_id, callback_token,
       result_url, failure_class, failure_text, uploads, status_outbox_id, steps, traceparent, users.language,
       coalesce(extract(epoch FROM now() - submitted_at), 0)::double precision AS age,
       coalesce(deadline_at <= now(), false) AS is_overdue,
       late.state AS late, coalesce(late.until <= now(), false) AS is_too_late,
       coalesce(extract(epoch FROM now() - settled_at), 0)::double precision AS settled_age
  FROM generation
  JOIN users ON users.id = generation.user_id
  LEFT JOIN generation_late AS late ON late.generation_id = generation.id
 WHERE generation.id = $1::bigint
