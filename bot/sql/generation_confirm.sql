-- Confirmed: the credits are held, the user's files or the provider are next. Lists among the inputs are files.
UPDATE generation
   SET state = 'held', hold_id = $2::bigint, next_step_at = now(),
       deadline_at = now() + make_interval(secs => $3::double precision), shown = 'queued', shown_at = now(),
       missing = (SELECT coalesce(sum(json_array_length(value)), 0) FROM json_each(inputs)
                   WHERE json_typeof(value) = 'array')
 WHERE id = $1::bigint AND state = 'quoted'
