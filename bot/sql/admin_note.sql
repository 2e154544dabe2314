-- What an operator does, once for each update; no row when it was done before.
INSERT INTO admin_action (update_id, admin_id, action, user_id, model_id, amount)
VALUES ($1::bigint, $2::bigint, $3::text, $4::bigint, $5::text, $6::bigint)
ON CONFLICT (update_id) DO NOTHING RETURNING id
