-- Look at $4 messages settled more than $3 seconds ago, from place ($1, $2) on; remove those that nobody refers to.
-- A generation that has ended never edits its message again, so it lets go of it.
WITH chosen AS MATERIALIZED (
    SELECT id, settled_at FROM outbox
     WHERE state IN ('sent', 'failed', 'superseded') AND (settled_at, id) > ($1::timestamptz, $2::bigint)
       AND settled_at < now() - make_interval(secs => $3::float8)
     ORDER BY settled_at, id LIMIT $4::bigint FOR UPDATE SKIP LOCKED
), free AS MATERIALIZED (
    SELECT id FROM chosen
     WHERE NOT EXISTS (SELECT FROM outbox AS edit WHERE edit.edits = chosen.id)
       AND NOT EXISTS (SELECT FROM generation
                        WHERE status_outbox_id = chosen.id AND state NOT IN ('charged', 'released', 'expired'))
), let_go AS (
    UPDATE generation SET status_outbox_id = NULL FROM free WHERE status_outbox_id = free.id
), removed AS (
    DELETE FROM outbox USING free WHERE outbox.id = free.id RETURNING outbox.id
), last AS (
    SELECT settled_at, id FROM chosen ORDER BY settled_at DESC, id DESC LIMIT 1
)
SELECT (SELECT count(*) FROM chosen) AS looked, (SELECT count(*) FROM removed) AS removed, last.settled_at, last.id
  FROM (VALUES (1)) AS one LEFT JOIN last ON true
