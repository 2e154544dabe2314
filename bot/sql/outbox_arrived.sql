-- The next $2 rows above $1, and those of the rows $3 that have come into sight: their transactions have committed.
(SELECT id, lane, state IN ('ready', 'sending') AS is_open FROM outbox WHERE id = ANY ($3::bigint[]))
 UNION ALL
(SELECT id, lane, state IN ('ready', 'sending') AS is_open FROM outbox
  WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint)
