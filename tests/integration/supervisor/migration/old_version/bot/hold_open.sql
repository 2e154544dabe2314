-- A hold, opened by the transaction that moved its amount.
INSERT INTO ledger_hold (user_id, amount, opened_by, expires_at)
VALUES ($1::bigint, $2::bigint, $3::bigint, now() + make_interval(secs => $4::double precision))
RETURNING id
