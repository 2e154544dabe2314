-- The $2 fullest lanes among the oldest $1 rows that wait and those being handled.
SELECT lane, count(*) AS rows, greatest(0, extract(epoch FROM now() - min(received_at)))::float8 AS oldest_seconds
  FROM (SELECT lane, received_at FROM (SELECT lane, received_at FROM inbox WHERE state = 'ready'
                                        ORDER BY id LIMIT $1::bigint) AS ready
         UNION ALL
        SELECT lane, received_at FROM inbox WHERE state = 'claimed') AS unsettled
 GROUP BY lane ORDER BY count(*) DESC, lane LIMIT $2::bigint
