-- What an audit found.
INSERT INTO ledger_audit (accounts, drift, negative, checked_to)
VALUES ($1::bigint, $2::numeric, $3::bigint, $4::bigint)
    ON CONFLICT (is_only) DO UPDATE SET ended_at = now(), accounts = excluded.accounts, drift = excluded.drift,
                                        negative = excluded.negative, checked_to = excluded.checked_to
