-- How much there is to check, and what is on hold.
SELECT (SELECT count(*) FROM ledger_transaction) AS transactions, (SELECT count(*) FROM ledger_entry) AS entries,
       (SELECT count(*) FROM ledger_account WHERE user_id IS NOT NULL AND name = 'available') AS users,
       (SELECT count(*) FROM ledger_hold WHERE state = 'held') AS holds_open,
       (SELECT count(*) FROM ledger_hold WHERE state = 'held' AND expires_at <= now()) AS holds_expired
