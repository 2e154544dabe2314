-- What was posted under a key.
SELECT id FROM ledger_transaction WHERE idempotency_key = $1::text
