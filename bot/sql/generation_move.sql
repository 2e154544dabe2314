-- One step, from the state it was seen in: no row when it has moved on. Without a wait nothing of ours is next.
UPDATE generation
   SET state = $3::text,
       next_step_at = coalesce(now() + make_interval(secs => $4::double precision), 'infinity'),
       deadline_at = coalesce(now() + make_interval(secs => $5::double precision), deadline_at),
       submitted_at = CASE WHEN $3::text = 'submitted' THEN now() ELSE submitted_at END,
       settled_at = CASE WHEN $3::text IN ('charged', 'released') THEN now() END,
       steps = $6::integer,
       task_id = coalesce($7::text, task_id),
       result_url = coalesce($8::text, result_url),
       cost = coalesce($9::bigint, cost),
       failure_class = coalesce($10::text, failure_class),
       failure_text = coalesce($11::text, failure_text),
       uploads = CASE WHEN $3::text NOT IN ('charged', 'released') THEN uploads END
 WHERE id = $1::bigint AND state = $2::text
RETURNING id
