-- What is under way, up to $1 generations: how many, how old the oldest is, and how long a step has been due that waits for
-- nothing. What is held waits for its turn at the provider, and what has succeeded for Telegram.
SELECT state, model_id, count(*) AS generations,
       extract(epoch FROM now() - min(quoted_at))::float8 AS oldest,
       (extract(epoch FROM now() - min(next_step_at)) * (state IN ('submitted', 'unknown', 'delivered', 'failed'))::int)::float8 AS overdue
  FROM (SELECT state, model_id, quoted_at, next_step_at FROM generation
         WHERE state IN ('held', 'submitting', 'submitted', 'unknown', 'succeeded', 'delivered', 'failed')
         ORDER BY next_step_at LIMIT $1::bigint) AS open
 GROUP BY state, model_id
