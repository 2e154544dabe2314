-- What was posted under a key.
SELECT id, request_hash FROM ledger_transaction WHERE idempotency_key = $1::text
