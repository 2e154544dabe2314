-- Try to become the one migrator; a session lock, so that it lasts over the transactions of many files.
SELECT pg_try_advisory_lock($1::bigint)
