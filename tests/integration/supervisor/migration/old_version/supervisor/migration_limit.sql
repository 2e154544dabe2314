-- How many milliseconds one statement of this transaction may take.
SELECT set_config('statement_timeout', $1::text, true)
