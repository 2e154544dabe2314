-- Queue one call to Telegram in the handler's own transaction.
INSERT INTO outbox (lane, chat_id, method, params, edits, generation_id, best_effort, traceparent)
VALUES ($1::text, $2::bigint, $3::text, $4::text::json, $5::bigint, $6::bigint, $7::boolean, $8::text)
RETURNING id
