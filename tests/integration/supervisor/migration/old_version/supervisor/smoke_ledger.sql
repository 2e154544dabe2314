-- What the ledger must never show: entries that do not cancel out, balances that do not follow from them, holds that
-- are not covered. Reads only.
SELECT (SELECT coalesce(sum(amount), 0) FROM ledger_entry)::bigint AS total,
       (SELECT count(*) FROM (SELECT FROM ledger_entry GROUP BY transaction_id HAVING sum(amount) <> 0) uneven) AS uneven,
       (SELECT count(*) FROM ledger_account account
         WHERE user_id IS NOT NULL
           AND balance <> (SELECT coalesce(sum(amount), 0) FROM ledger_entry WHERE account_id = account.id)) AS balances,
       (SELECT count(*) FROM ledger_account account
         WHERE name = 'held' AND user_id IS NOT NULL
           AND balance <> (SELECT coalesce(sum(amount), 0) FROM ledger_hold
                            WHERE user_id = account.user_id AND state = 'held')) AS holds,
       (SELECT count(*) FROM ledger_transaction) AS transactions
