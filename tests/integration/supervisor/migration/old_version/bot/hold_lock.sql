-- A hold, locked until this transaction ends.
SELECT user_id, amount, state, resolved_by FROM ledger_hold WHERE id = $1::bigint FOR NO KEY UPDATE
