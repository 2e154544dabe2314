-- The newest dead letters, without their bodies; replayed is only what could be read.
SELECT id, source, lane <> 'op:malformed' AS is_readable, attempts, last_error AS reason,
       extract(epoch FROM now() - coalesce(settled_at, received_at))::double precision AS age
  FROM inbox WHERE state = 'dead' ORDER BY id DESC LIMIT $1::integer
