-- Look at $4 dead letters from id $2 on, and remove those that died more than $3 seconds ago.
WITH chosen AS MATERIALIZED (
    SELECT id, coalesce(settled_at, received_at) AS settled_at FROM inbox
     -- In the order of their index, which is the id alone: the time of the place says nothing here.
     WHERE state = 'dead' AND id > $2::bigint AND $1::timestamptz IS NOT NULL
     ORDER BY id LIMIT $4::bigint FOR UPDATE SKIP LOCKED
), removed AS (
    DELETE FROM inbox USING chosen
     WHERE inbox.id = chosen.id AND chosen.settled_at < now() - make_interval(secs => $3::float8)
    RETURNING inbox.id
), last AS (
    SELECT settled_at, id FROM chosen ORDER BY id DESC LIMIT 1
)
SELECT (SELECT count(*) FROM chosen) AS looked, (SELECT count(*) FROM removed) AS removed, last.settled_at, last.id
  FROM (VALUES (1)) AS one LEFT JOIN last ON true
