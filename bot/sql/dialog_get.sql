-- Where somebody is in a chat, locked until this transaction ends; no row when that is too long ago.
SELECT model_id, inputs, asked, generation_id, album, message, routed
  FROM dialog
 WHERE chat_id = $1::bigint AND user_id = $2::bigint
   AND updated_at > now() - make_interval(secs => $3::double precision)
   FOR UPDATE
