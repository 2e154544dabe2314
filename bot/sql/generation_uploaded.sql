-- One more of the user's files is with the provider; the next one, or the order, is due at once.
UPDATE generation SET uploads = $2::text::json, missing = $3::integer, steps = 0, next_step_at = now()
 WHERE id = $1::bigint AND state = 'held'
RETURNING id
