-- Look at the next $4 messages for one who is to be forgotten, and empty those that were sent to this user, answer the
-- user in a group, or show what the user asked for. One that is still to be sent is waited for. Where it is, and that rows
-- may be of any age, says the wish itself: $1, $2 and $3 say nothing here. Any of several wishes, so that none waits for
-- another's message.
WITH wish AS MATERIALIZED (
    SELECT user_id, outbox_at, outbox_last FROM erasure
     WHERE outbox_at < outbox_last AND $1::timestamptz IS NOT NULL AND $2::bigint IS NOT NULL AND $3::float8 IS NOT NULL
     ORDER BY random() LIMIT 1 FOR UPDATE
), chosen AS MATERIALIZED (
    SELECT outbox.id, state,
           chat_id = wish.user_id OR outbox.user_id = wish.user_id
           OR EXISTS (SELECT FROM outbox AS shown WHERE shown.id = outbox.edits AND shown.user_id = wish.user_id)
           OR EXISTS (SELECT FROM generation WHERE generation.id = outbox.generation_id AND generation.user_id = wish.user_id)
           OR EXISTS (SELECT FROM generation WHERE status_outbox_id = coalesce(outbox.edits, outbox.id)
                                               AND generation.user_id = wish.user_id) AS is_theirs
      FROM wish, outbox
     WHERE outbox.id > (SELECT outbox_at FROM wish) AND outbox.id <= (SELECT outbox_last FROM wish)
     ORDER BY outbox.id LIMIT $4::bigint
), unsent AS (
    SELECT min(id) AS id FROM chosen WHERE is_theirs AND state IN ('ready', 'sending')
), emptied AS (
    UPDATE outbox SET params = '{}', result_file_id = NULL, last_error = NULL
      FROM chosen
     WHERE outbox.id = chosen.id AND is_theirs AND outbox.state IN ('sent', 'failed', 'superseded')
), moved AS (
    UPDATE erasure
       SET outbox_at = CASE WHEN unsent.id IS NOT NULL THEN unsent.id - 1
                            WHEN (SELECT count(*) FROM chosen) < $4::bigint THEN erasure.outbox_last
                            ELSE (SELECT max(id) FROM chosen) END
      FROM wish, unsent WHERE erasure.user_id = wish.user_id
)
SELECT CASE WHEN unsent.id IS NULL THEN (SELECT count(*) FROM chosen) ELSE 0 END AS looked,
       0::bigint AS removed, now() AS settled_at, 0::bigint AS id
  FROM unsent
