-- Somebody is nowhere in particular any more.
DELETE FROM dialog WHERE chat_id = $1::bigint AND user_id = $2::bigint
