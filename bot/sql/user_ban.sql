-- Turn a user away from now on ($2), or no more.
UPDATE users SET banned_at = CASE WHEN $2::boolean THEN coalesce(banned_at, now()) END WHERE id = $1::bigint
