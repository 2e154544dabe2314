-- Where somebody is in a chat from now on.
INSERT INTO dialog (chat_id, user_id, model_id, inputs, asked, generation_id, album, message, routed)
VALUES ($1::bigint, $2::bigint, $3::text, $4::text::json, $5::text, $6::bigint, $7::text, $8::bigint, $9::text)
ON CONFLICT (chat_id, user_id) DO UPDATE
   SET model_id = excluded.model_id, inputs = excluded.inputs, asked = excluded.asked,
       generation_id = excluded.generation_id, album = excluded.album, message = excluded.message, routed = excluded.routed,
       updated_at = now()
