-- migrate: no-transaction
-- Which generation does this message show? Asked for every message that is removed, by the removal and by the foreign key.
CREATE INDEX CONCURRENTLY generation_by_message ON generation (status_outbox_id) WHERE status_outbox_id IS NOT NULL;
