-- The accounts of these users, locked in id order until this transaction ends; entries may still refer to them.
SELECT FROM ledger_account WHERE user_id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE
