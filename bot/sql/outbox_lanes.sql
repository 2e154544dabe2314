-- The next $2 lanes after $1 that have open rows, each with its oldest: one look into the index for each lane, however
-- many rows it has.
WITH RECURSIVE next AS (
    (SELECT lane, id, 1 AS place FROM outbox
      WHERE state IN ('ready', 'sending') AND lane > $1::text ORDER BY lane, id LIMIT 1)
     UNION ALL
    (SELECT found.lane, found.id, next.place + 1
       FROM next CROSS JOIN LATERAL (
            SELECT lane, id FROM outbox
             WHERE state IN ('ready', 'sending') AND lane > next.lane ORDER BY lane, id LIMIT 1) AS found
      WHERE next.place < $2::bigint)
)
SELECT lane, id FROM next ORDER BY place
