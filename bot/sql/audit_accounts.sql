-- One step of the audit: the next $2 accounts of users after $1, each against its entries, and `held` against open holds.
SELECT count(*) AS looked, max(id) AS last, coalesce(sum(abs(balance - entries)), 0) + coalesce(sum(abs(balance - holds)), 0) AS drift,
       count(*) FILTER (WHERE balance < 0) AS negative
  FROM (SELECT id, balance,
               (SELECT coalesce(sum(amount), 0) FROM ledger_entry WHERE account_id = account.id) AS entries,
               CASE name WHEN 'held' THEN (SELECT coalesce(sum(amount), 0) FROM ledger_hold
                                            WHERE user_id = account.user_id AND state = 'held') END AS holds
          FROM (SELECT id, user_id, name, balance FROM ledger_account
                 WHERE id > $1::bigint AND user_id IS NOT NULL ORDER BY id LIMIT $2::bigint) AS account) AS looked_at
