-- The task that an order became, if nobody knew, and a look at it at once. An id that another generation has is not taken.
-- One that is told of before the order was answered has $3 seconds from now, as it would have by the answer.
UPDATE generation g
   SET task_id = coalesce(g.task_id, $2::text),
       state = 'submitted',
       submitted_at = coalesce(g.submitted_at, now()),
       deadline_at = CASE g.state WHEN 'submitting' THEN now() + make_interval(secs => $3::double precision)
                                  WHEN 'unknown' THEN greatest(g.deadline_at, now() + interval '15 minutes')
                                  ELSE g.deadline_at END,
       next_step_at = now()
 WHERE g.callback_token = $1::uuid
   AND g.state IN ('submitting', 'unknown', 'submitted')
   AND coalesce(g.task_id, $2::text) IS NOT NULL
   AND NOT EXISTS (SELECT FROM generation o WHERE o.task_id = $2::text AND o.id <> g.id)
RETURNING g.id
