-- Have a user's words taken out of the queues, up to where they reach now; asked for again, from their beginning.
INSERT INTO erasure (user_id, outbox_last, inbox_last)
SELECT $1::bigint, coalesce((SELECT max(id) FROM outbox), 0), coalesce((SELECT max(id) FROM inbox), 0)
    ON CONFLICT (user_id) DO UPDATE
   SET outbox_at = 0, outbox_last = excluded.outbox_last, inbox_at = 0, inbox_last = excluded.inbox_last
