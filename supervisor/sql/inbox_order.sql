-- Ask the ACTIVE for something, once for each key.
INSERT INTO inbox (source, dedupe_key, lane, body)
SELECT 'operator', dedupe_key, $3::text, body FROM unnest($1::text[], $2::bytea[]) AS wanted (dedupe_key, body)
    ON CONFLICT (source, dedupe_key) DO NOTHING
