-- The number of the newest row, 0 without one.
SELECT coalesce(max(id), 0) FROM outbox
