-- Look at the next $4 arrivals for one who is to be forgotten, and empty those that came from this user, or name the user
-- in a group: an answer there repeats what it answers. One that is still to be handled is waited for. As with messages,
-- the wish says where it is.
WITH wish AS MATERIALIZED (
    SELECT user_id, inbox_at, inbox_last FROM erasure
     WHERE inbox_at < inbox_last AND $1::timestamptz IS NOT NULL AND $2::bigint IS NOT NULL AND $3::float8 IS NOT NULL
     ORDER BY random() LIMIT 1 FOR UPDATE
), chosen AS MATERIALIZED (
    SELECT id, state,
           source = 'telegram' AND (lane IN ('chat:' || wish.user_id, 'user:' || wish.user_id)
                                    OR position(convert_to(wish.user_id::text, 'UTF8') IN body) > 0) AS is_theirs
      FROM wish, inbox
     WHERE id > (SELECT inbox_at FROM wish) AND id <= (SELECT inbox_last FROM wish)
     ORDER BY id LIMIT $4::bigint
), unhandled AS (
    SELECT min(id) AS id FROM chosen WHERE is_theirs AND state IN ('ready', 'claimed')
), emptied AS (
    UPDATE inbox SET body = '' FROM chosen WHERE inbox.id = chosen.id AND is_theirs AND inbox.state IN ('done', 'dead')
), moved AS (
    UPDATE erasure
       SET inbox_at = CASE WHEN unhandled.id IS NOT NULL THEN unhandled.id - 1
                           WHEN (SELECT count(*) FROM chosen) < $4::bigint THEN erasure.inbox_last
                           ELSE (SELECT max(id) FROM chosen) END
      FROM wish, unhandled WHERE erasure.user_id = wish.user_id
)
SELECT CASE WHEN unhandled.id IS NULL THEN (SELECT count(*) FROM chosen) ELSE 0 END AS looked,
       0::bigint AS removed, now() AS settled_at, 0::bigint AS id
  FROM unhandled
