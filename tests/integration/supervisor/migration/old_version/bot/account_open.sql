-- The two accounts of a user, empty.
INSERT INTO ledger_account (user_id, name, balance)
VALUES ($1::bigint, 'available', 0), ($1::bigint, 'held', 0)
ON CONFLICT DO NOTHING
