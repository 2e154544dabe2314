-- A price that is about to be shown.
INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price, traceparent)
VALUES ($1::bigint, $2::bigint, 'chat:' || $2::bigint, $3::text, $4::text::json, $5::bigint, $6::text)
RETURNING id
