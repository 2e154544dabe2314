-- What the ledger tells of itself: totals by kind, written with each post; what is on hold, up to $1 of it; and what the
-- ACTIVE's last look at the books found. A hold is stranded when it has expired and nobody will resolve it any more.
SELECT kinds, posts, credits, holds.*, drift, negative, ended_at
  FROM (SELECT coalesce(array_agg(kind), '{}') AS kinds, array_agg(posts) AS posts, array_agg(credits) AS credits
          FROM (SELECT kind, sum(posts)::float8 AS posts, (sum(credits) / 1000)::float8 AS credits
                  FROM ledger_rollup GROUP BY kind) AS by_kind) AS totals
 CROSS JOIN (SELECT count(*) AS open, count(*) FILTER (WHERE expires_at <= now()) AS expired,
                    count(*) FILTER (WHERE expires_at <= now() AND (
                        SELECT state IN ('expired', 'charged', 'released') FROM generation WHERE hold_id = hold.id) IS NOT FALSE) AS stranded
               FROM (SELECT id, expires_at FROM ledger_hold WHERE state = 'held' ORDER BY expires_at LIMIT $1::bigint) AS hold) AS holds
  LEFT JOIN (SELECT (drift / 1000)::float8 AS drift, negative, extract(epoch FROM ended_at)::float8 AS ended_at
               FROM ledger_audit) AS audit ON true
