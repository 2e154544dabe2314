-- What has become of dead letters that were to be replayed: of each its row, its replay if there is one, its order.
SELECT wanted.id, letter.state, letter.lane, letter.last_error,
       again.id AS again_id, again.state AS again_state, again.attempts AS again_attempts,
       again.last_error AS again_error,
       ordered.id AS order_id, ordered.state AS order_state, ordered.last_error AS order_error
  FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS wanted (id, order_key, place)
  LEFT JOIN inbox AS letter ON letter.id = wanted.id
  LEFT JOIN inbox AS again ON again.source = letter.source AND again.dedupe_key = 'replay:' || wanted.id
  LEFT JOIN inbox AS ordered ON ordered.source = 'operator' AND ordered.dedupe_key = wanted.order_key
 ORDER BY place
