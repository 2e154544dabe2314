-- How many results could not be brought to a user in the last $2 seconds, among the $3 generations asked for last: so
-- many rows of one index are read at most.
SELECT count(*)
  FROM (SELECT state, failure_class, settled_at FROM generation
         WHERE user_id = $1::bigint ORDER BY id DESC LIMIT $3::bigint) AS lately
 WHERE state IN ('failed', 'released') AND failure_class = 'undeliverable'
   AND (settled_at IS NULL OR settled_at > now() - make_interval(secs => $2::double precision))
