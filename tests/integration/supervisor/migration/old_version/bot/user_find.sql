-- A user who has been here before.
SELECT language, unreachable_at IS NULL AS is_reachable FROM users WHERE id = $1::bigint
