-- How full the inbox is and how fast it moves; counts end at $1, rates look at the newest $2 rows of the last $3 seconds.
WITH arrived AS (
    SELECT received_at AS at FROM inbox ORDER BY id DESC LIMIT $2::bigint
), handled AS (
    SELECT settled_at AS at FROM inbox WHERE state = 'done' ORDER BY settled_at DESC LIMIT $2::bigint
), window_ AS (
    SELECT now() - make_interval(secs => $3::float8) AS began
)
SELECT (SELECT count(*) FROM (SELECT FROM inbox WHERE state = 'ready' LIMIT $1::bigint) AS few)   AS ready,
       (SELECT count(*) FROM (SELECT FROM inbox WHERE state = 'claimed' LIMIT $1::bigint) AS few) AS claimed,
       (SELECT count(*) FROM (SELECT FROM inbox WHERE state = 'done' LIMIT $1::bigint) AS few)    AS done,
       (SELECT count(*) FROM (SELECT FROM inbox WHERE state = 'dead' LIMIT $1::bigint) AS few)    AS dead,
       extract(epoch FROM now() - least(
           (SELECT received_at FROM inbox WHERE state = 'ready' ORDER BY id LIMIT 1),
           (SELECT min(received_at) FROM inbox WHERE state = 'claimed')))::float8                 AS oldest_seconds,
       (SELECT coalesce(count(*) / extract(epoch FROM now()
                   - CASE WHEN count(*) = $2::bigint THEN min(at) ELSE min(began) END), 0)
          FROM arrived, window_ WHERE at > began AND at < now())::float8                          AS arrived_per_second,
       (SELECT coalesce(count(*) / extract(epoch FROM now()
                   - CASE WHEN count(*) = $2::bigint THEN min(at) ELSE min(began) END), 0)
          FROM handled, window_ WHERE at > began AND at < now())::float8                          AS done_per_second
