-- The hold that a transaction opened.
SELECT id FROM ledger_hold WHERE opened_by = $1::bigint
