-- Try to become the one migrator through a pooler; the transaction's lock, because no session there is ours.
SELECT pg_try_advisory_xact_lock($1::bigint)
