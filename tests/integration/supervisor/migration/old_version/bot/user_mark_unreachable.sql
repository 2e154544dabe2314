-- Note that a user's chat no longer takes messages.
UPDATE users SET unreachable_at = now() WHERE id = $1::bigint AND unreachable_at IS NULL
