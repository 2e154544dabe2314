-- Let a dead letter be handled again, as a new row at the end of its lane; the old row is done, names the new one, and
-- goes on rejecting duplicates. No row: it is not a dead letter, or one that never was readable.
WITH letter AS MATERIALIZED (
    SELECT id, source, lane, body, traceparent FROM inbox
     WHERE id = $1::bigint AND state = 'dead' AND lane <> 'op:malformed' FOR UPDATE
), again AS (
    INSERT INTO inbox (source, dedupe_key, lane, body, traceparent)
    SELECT source, 'replay:' || id, lane, body, traceparent FROM letter
    RETURNING id
), settled AS (
    UPDATE inbox SET state = 'done', settled_at = now(), last_error = 'replayed as ' || again.id
      FROM letter, again WHERE inbox.id = letter.id
)
SELECT id FROM again
