-- This one is free, and counts for today.
INSERT INTO free_generation (generation_id, user_id, day) VALUES ($1::bigint, $2::bigint, (now() AT TIME ZONE 'UTC')::date)
