-- Look at ready rows in the order of their ids: at most $2 beyond the first cursor, at most $4 from the second up to it,
-- and those of the ids in $5. One statement, one snapshot.
(SELECT id, lane, attempts > 0 AS tried FROM inbox
  WHERE state = 'ready' AND id > $1::bigint ORDER BY id LIMIT $2::bigint)
UNION ALL
(SELECT id, lane, attempts > 0 AS tried FROM inbox
  WHERE state = 'ready' AND id > $3::bigint AND id <= $1::bigint ORDER BY id LIMIT $4::bigint)
UNION ALL
(SELECT id, lane, attempts > 0 AS tried FROM inbox
  WHERE state = 'ready' AND id = ANY ($5::bigint[]))
