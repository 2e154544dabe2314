-- End a hold: charged with an amount (NULL: all of it), or released (0).
SELECT outcome, posted_id, held, taken FROM ledger_hold_end($1::bigint, $2::text, $3::bigint)
