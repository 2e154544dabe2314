-- Claim these rows for a term, and count a start of each that is told to start at once.
UPDATE inbox SET state = 'claimed', owner_epoch = $3::bigint, attempts = attempts + chosen.starts
  FROM unnest($1::bigint[], $2::integer[]) AS chosen (id, starts)
 WHERE inbox.id = chosen.id AND state = 'ready'
RETURNING inbox.id, source, dedupe_key, lane, body, attempts, traceparent,
          extract(epoch FROM clock_timestamp() - received_at)::float8 AS age
