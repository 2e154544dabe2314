-- The language that a user chose: it stays.
UPDATE users SET language = $2::text, chose_language = true WHERE id = $1::bigint
