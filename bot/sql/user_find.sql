-- A user who has been here before.
SELECT language, unreachable_at IS NULL AS is_reachable, banned_at IS NOT NULL AS is_banned, chose_language
  FROM users WHERE id = $1::bigint
