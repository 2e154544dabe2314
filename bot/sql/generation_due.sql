-- What is due, oldest first, at most so many of each: files to be uploaded, orders to be given, tasks to be looked at,
-- what needs no call; and, behind all of these, tasks whose credits went back. Not the busy ones: an order that is under way
-- is one of them, so a due one has been lost.
SELECT id, step FROM (
    (SELECT id, 'upload' AS step, next_step_at AS due FROM generation
      WHERE state = 'held' AND missing > 0 AND next_step_at <= now() AND id <> ALL ($1::bigint[])
      ORDER BY next_step_at, id LIMIT $5::integer)
    UNION ALL
    (SELECT id, 'submit', next_step_at FROM generation
      WHERE state = 'held' AND missing = 0 AND next_step_at <= now() AND id <> ALL ($1::bigint[])
      ORDER BY next_step_at, id LIMIT $2::integer)
    UNION ALL
    (SELECT id, 'look', next_step_at FROM generation
      WHERE state = 'submitted' AND next_step_at <= now() AND id <> ALL ($1::bigint[])
      ORDER BY next_step_at, id LIMIT $3::integer)
    UNION ALL
    (SELECT id, 'end', next_step_at FROM generation
      WHERE state IN ('submitting', 'unknown', 'succeeded', 'delivered', 'failed') AND next_step_at <= now() AND id <> ALL ($1::bigint[])
      ORDER BY next_step_at, id LIMIT $4::integer)
    UNION ALL
    (SELECT generation_id, 'late', next_look_at FROM generation_late
      WHERE state IN ('awaited', 'sent') AND next_look_at <= now() AND generation_id <> ALL ($1::bigint[])
      ORDER BY next_look_at, generation_id LIMIT $3::integer)
) AS found
 ORDER BY step = 'late', due, id
