-- A few of those that nobody has gone on with for too long.
DELETE FROM dialog
 WHERE (chat_id, user_id) IN (SELECT chat_id, user_id FROM dialog
                               WHERE updated_at <= now() - make_interval(secs => $1::double precision)
                               ORDER BY updated_at LIMIT $2::integer FOR UPDATE SKIP LOCKED)
