-- A newer edit of the same message replaces the ones that still wait.
UPDATE outbox SET state = 'superseded', settled_at = now()
 WHERE edits = $1::bigint AND state = 'ready'
