-- What is due, oldest first, at most so many of each: to be submitted, to be looked at, to be ended. Not the busy ones.
(SELECT id, 'submit' AS step FROM generation
  WHERE state = 'held' AND next_step_at <= now() AND id <> ALL ($1::bigint[])
  ORDER BY next_step_at, id LIMIT $2::integer)
UNION ALL
(SELECT id, 'look' FROM generation
  WHERE state = 'submitted' AND next_step_at <= now() AND id <> ALL ($1::bigint[])
  ORDER BY next_step_at, id LIMIT $3::integer)
UNION ALL
(SELECT id, 'end' FROM generation
  WHERE state IN ('unknown', 'delivered', 'failed') AND next_step_at <= now() AND id <> ALL ($1::bigint[])
  ORDER BY next_step_at, id LIMIT $4::integer)
