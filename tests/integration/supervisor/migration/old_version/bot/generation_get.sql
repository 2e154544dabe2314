-- One generation as its next step needs it.
SELECT generation.id, user_id, chat_id, model_id, inputs, price, state, hold_id, task_id, callback_token, result_url,
       failure_class, status_outbox_id, steps, traceparent, users.language,
       coalesce(extract(epoch FROM now() - submitted_at), 0)::double precision AS age,
       coalesce(deadline_at <= now(), false) AS is_overdue
  FROM generation JOIN users ON users.id = generation.user_id
 WHERE generation.id = $1::bigint
