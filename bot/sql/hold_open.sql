-- Set a user's credits aside, or say why not.
SELECT outcome, hold_id, posted_id, available FROM ledger_hold_open($1::bigint, $2::bigint, $3::text, $4::double precision)
