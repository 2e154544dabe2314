-- How long ago the last audit ended, in seconds, and how far it went; no row when there was none.
SELECT extract(epoch FROM clock_timestamp() - ended_at)::float8 AS seconds, drift > 0 AS drifted, checked_to FROM ledger_audit
