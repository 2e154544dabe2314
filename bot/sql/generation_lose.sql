-- An order whose answer nobody has any more: unknown, or looked at if its task is known, and no other generation's.
UPDATE generation AS lost
   SET task_id = known.task_id,
       state = CASE WHEN known.task_id IS NULL THEN 'unknown' ELSE 'submitted' END,
       steps = 0,
       submitted_at = CASE WHEN known.task_id IS NULL THEN lost.submitted_at ELSE now() END,
       next_step_at = CASE WHEN known.task_id IS NULL THEN now() + make_interval(secs => $2::double precision) ELSE now() END,
       deadline_at = now() + make_interval(secs => $2::double precision)
  FROM (SELECT coalesce(task_id, (SELECT $3::text WHERE NOT EXISTS (SELECT FROM generation WHERE task_id = $3::text))) AS task_id
          FROM generation WHERE id = $1::bigint) AS known
 WHERE lost.id = $1::bigint AND lost.state = 'submitting'
RETURNING lost.state
