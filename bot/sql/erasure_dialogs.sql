-- A user is nowhere, in any chat.
DELETE FROM dialog WHERE user_id = $1::bigint
