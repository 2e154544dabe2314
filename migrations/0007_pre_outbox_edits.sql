-- migrate: no-transaction
-- Who edits this message? Asked for every message that is removed, by the removal and by the foreign key.
CREATE INDEX CONCURRENTLY outbox_by_edited ON outbox (edits) WHERE edits IS NOT NULL;
