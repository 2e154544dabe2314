-- The last transaction that there is, and the database transaction before which whatever posts a lower one has begun.
SELECT coalesce(max(id), 0) AS last, pg_snapshot_xmax(pg_current_snapshot())::text AS until FROM ledger_transaction
