-- What a user's generations brought is forgotten, and so are Telegram's ids of it.
DELETE FROM generation_result USING generation WHERE generation.id = generation_id AND generation.user_id = $1::bigint
