-- Store a batch of arrivals in their order, skip the known ones, and return the keys of the new ones.
INSERT INTO inbox (source, dedupe_key, lane, body, traceparent, state, last_error, settled_at)
SELECT source, dedupe_key, lane, body, traceparent,
       CASE WHEN dead IS NULL THEN 'ready' ELSE 'dead' END, dead, CASE WHEN dead IS NULL THEN NULL ELSE now() END
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[])
       WITH ORDINALITY AS arrival (source, dedupe_key, lane, body, traceparent, dead, place)
 ORDER BY place
    ON CONFLICT (source, dedupe_key) DO NOTHING
RETURNING source, dedupe_key
