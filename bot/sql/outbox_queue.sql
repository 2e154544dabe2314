-- Queue one call to Telegram in the handler's own transaction; for a chat that has moved, to where it is now.
INSERT INTO outbox (lane, chat_id, method, params, edits, generation_id, best_effort, traceparent, user_id)
SELECT $1::text || ':' || chat.id, chat.id, $3::text, $4::text::json, $5::bigint, $6::bigint, $7::boolean, $8::text,
       $9::bigint
  FROM (SELECT coalesce((SELECT new_id FROM chat_moved WHERE old_id = $2::bigint), $2::bigint) AS id) AS chat
RETURNING id
