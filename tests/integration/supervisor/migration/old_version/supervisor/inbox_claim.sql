-- Claim the oldest ready rows for a term: at most $3 of each lane, counting the rows that the lane holds already.
-- MATERIALIZED: a subquery under UPDATE may otherwise run again and claim more than the limit.
WITH held AS MATERIALIZED (
    SELECT lane, held FROM unnest($4::text[], $5::bigint[]) AS held (lane, held)
), oldest AS MATERIALIZED (
    SELECT id, lane FROM inbox
     WHERE state = 'ready' AND lane <> ALL (SELECT lane FROM held WHERE held >= $3::bigint)
     ORDER BY id LIMIT $6::bigint
), placed AS MATERIALIZED (
    SELECT id, coalesce(held, 0) + row_number() OVER (PARTITION BY lane ORDER BY id) AS place
      FROM oldest LEFT JOIN held USING (lane)
), chosen AS MATERIALIZED (
    SELECT inbox.id FROM inbox JOIN placed USING (id)
     WHERE place <= $3::bigint AND inbox.state = 'ready'
     ORDER BY inbox.id LIMIT $1::bigint FOR UPDATE OF inbox SKIP LOCKED
)
UPDATE inbox SET state = 'claimed', owner_epoch = $2::bigint
  FROM chosen WHERE inbox.id = chosen.id
RETURNING inbox.id, source, dedupe_key, lane, body, attempts, traceparent,
          extract(epoch FROM clock_timestamp() - received_at)::float8 AS age
