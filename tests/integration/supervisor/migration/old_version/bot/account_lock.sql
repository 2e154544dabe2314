-- A user's balances, locked in id order until this transaction ends; entries of others may still refer to them.
SELECT name, balance FROM ledger_account WHERE user_id = $1::bigint ORDER BY id FOR NO KEY UPDATE
