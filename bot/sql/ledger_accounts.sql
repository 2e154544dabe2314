-- Every account, the house's first.
SELECT user_id, name, balance FROM ledger_account ORDER BY id
