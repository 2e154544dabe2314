-- How many milliseconds this connection waits for a lock, and for a statement; 0: for ever.
SELECT set_config('lock_timeout', $1::text, false), set_config('statement_timeout', $2::text, false)
