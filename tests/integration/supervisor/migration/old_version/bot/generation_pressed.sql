-- The generation under a button, locked until this transaction ends: a second press waits and then finds it moved.
SELECT id, user_id, chat_id, model_id, inputs, price, state, status_outbox_id,
       quoted_at < now() - make_interval(secs => $2::double precision) AS is_old
  FROM generation WHERE id = $1::bigint FOR NO KEY UPDATE
