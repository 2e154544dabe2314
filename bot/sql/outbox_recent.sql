-- What Telegram took in the last $1 seconds, oldest first: a new term begins with the windows that these have used.
-- What lies ahead, because the clock was set back, counts from now: no further than a window.
SELECT chat_id, greatest(0, extract(epoch FROM now() - settled_at))::float8 AS age
  FROM (SELECT chat_id, settled_at FROM outbox
         WHERE state IN ('sent', 'failed', 'superseded') AND state = 'sent' AND method <> ALL ($2::text[])
           AND settled_at > now() - make_interval(secs => $1::float8)
         ORDER BY settled_at DESC LIMIT $3::bigint) AS recent
 ORDER BY settled_at
