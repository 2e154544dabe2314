-- The server process that answers this statement; behind a pooler not the one the connection was opened with.
SELECT pg_backend_pid()
