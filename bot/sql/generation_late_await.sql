-- The credits went back; for a while what the provider may still bring is given away. A task that nobody knows is not
-- looked at until a callback names it: then it is due at the end only.
INSERT INTO generation_late (generation_id, next_look_at, until)
SELECT $1::bigint, now() + make_interval(secs => $2::double precision), now() + make_interval(secs => $3::double precision)
ON CONFLICT (generation_id) DO NOTHING
