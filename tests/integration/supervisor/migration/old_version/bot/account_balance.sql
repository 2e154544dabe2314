-- A user's balances.
SELECT name, balance FROM ledger_account WHERE user_id = $1::bigint
