-- Remove at most $4 rows that were handled more than $3 seconds ago, the oldest first, from place ($1, $2) on.
WITH chosen AS MATERIALIZED (
    SELECT id, settled_at FROM inbox
     WHERE state = 'done' AND (settled_at, id) > ($1::timestamptz, $2::bigint)
       AND settled_at < now() - make_interval(secs => $3::float8)
     ORDER BY settled_at, id LIMIT $4::bigint FOR UPDATE SKIP LOCKED
), removed AS (
    DELETE FROM inbox USING chosen WHERE inbox.id = chosen.id RETURNING inbox.id
), last AS (
    SELECT settled_at, id FROM chosen ORDER BY settled_at DESC, id DESC LIMIT 1
)
SELECT (SELECT count(*) FROM chosen) AS looked, (SELECT count(*) FROM removed) AS removed, last.settled_at, last.id
  FROM (VALUES (1)) AS one LEFT JOIN last ON true
