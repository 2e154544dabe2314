-- Bound what one batch of this transaction may take, in milliseconds: its statement, and each wait for a lock.
SELECT set_config('statement_timeout', $1::text, true), set_config('lock_timeout', $2::text, true)
