-- The task that an order became, if nobody knew, and a look at it at once. An id that another generation has is not taken.
UPDATE generation g
   SET task_id = coalesce(g.task_id, $2::text),
       state = 'submitted',
       submitted_at = coalesce(g.submitted_at, now()),
       deadline_at = CASE g.state WHEN 'submitted' THEN g.deadline_at
                                  ELSE greatest(g.deadline_at, now() + interval '15 minutes') END,
       next_step_at = now()
 WHERE g.callback_token = $1::uuid
   AND g.state IN ('submitting', 'unknown', 'submitted')
   AND coalesce(g.task_id, $2::text) IS NOT NULL
   AND NOT EXISTS (SELECT FROM generation o WHERE o.task_id = $2::text AND o.id <> g.id)
RETURNING g.id
