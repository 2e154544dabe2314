-- The same step again later.
UPDATE generation
   SET next_step_at = now() + make_interval(secs => $3::double precision), steps = $4::integer
 WHERE id = $1::bigint AND state = $2::text
