-- End an open hold.
UPDATE ledger_hold SET state = $2::text, resolved_by = $3::bigint WHERE id = $1::bigint AND state = 'held'
