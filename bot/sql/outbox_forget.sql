-- Look at $4 messages settled more than $3 seconds ago, from place ($1, $2) on; remove those that nobody refers to.
-- A generation that has ended, or was quoted as long ago and never confirmed, lets go of its message: the first never
-- edits it again, the second sends another if it is asked for after all. What somebody needs is not even locked.
WITH chosen AS MATERIALIZED (
    SELECT id, settled_at FROM outbox
     WHERE state IN ('sent', 'failed', 'superseded') AND (settled_at, id) > ($1::timestamptz, $2::bigint)
       AND settled_at < now() - make_interval(secs => $3::float8)
     ORDER BY settled_at, id LIMIT $4::bigint
), free AS MATERIALIZED (
    SELECT outbox.id FROM chosen JOIN outbox USING (id)
     WHERE NOT EXISTS (SELECT FROM outbox AS edit WHERE edit.edits = chosen.id)
       AND NOT EXISTS (SELECT FROM generation
                        WHERE status_outbox_id = chosen.id AND state NOT IN ('charged', 'released', 'expired')
                          AND (state <> 'quoted' OR quoted_at >= now() - make_interval(secs => $3::float8)))
       FOR UPDATE OF outbox SKIP LOCKED
), let_go AS (
    UPDATE generation SET status_outbox_id = NULL FROM free WHERE status_outbox_id = free.id
), removed AS (
    DELETE FROM outbox USING free WHERE outbox.id = free.id RETURNING outbox.id
), last AS (
    SELECT settled_at, id FROM chosen ORDER BY settled_at DESC, id DESC LIMIT 1
)
SELECT (SELECT count(*) FROM chosen) AS looked, (SELECT count(*) FROM removed) AS removed, last.settled_at, last.id
  FROM (VALUES (1)) AS one LEFT JOIN last ON true
