-- Dead letters before id $2, newest first, $1 at most; their bodies only if $3.
SELECT id, source, lane, received_at, settled_at AS died_at, attempts, last_error AS reason, octet_length(body) AS bytes,
       CASE WHEN $3::boolean THEN body END AS body
  FROM inbox WHERE state = 'dead' AND id < $2::bigint
 ORDER BY id DESC LIMIT $1::bigint
