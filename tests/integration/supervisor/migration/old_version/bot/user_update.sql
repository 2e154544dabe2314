-- A user who speaks again: reachable, and in the language given (none: unchanged).
UPDATE users SET unreachable_at = NULL, language = coalesce($2::text, language) WHERE id = $1::bigint RETURNING language
