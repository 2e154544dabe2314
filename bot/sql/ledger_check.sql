-- What the ledger must never show, at most $1 of each: a row an offence, with the id of what offends. Reads only.
(SELECT 'unbalanced' AS offence, transaction_id AS id, 'entries sum to ' || sum(amount) AS detail
   FROM ledger_entry GROUP BY transaction_id HAVING sum(amount) <> 0 OR count(*) < 2 ORDER BY 2 LIMIT $1::bigint)
UNION ALL
(SELECT 'empty', posted.id, 'a ' || kind || ' has no entries' FROM ledger_transaction AS posted
  WHERE NOT EXISTS (SELECT FROM ledger_entry WHERE transaction_id = posted.id) ORDER BY 2 LIMIT $1::bigint)
UNION ALL
(SELECT 'orphan', entry.id, 'the entry has no transaction or no account' FROM ledger_entry AS entry
   LEFT JOIN ledger_transaction AS posted ON posted.id = entry.transaction_id
   LEFT JOIN ledger_account AS account ON account.id = entry.account_id
  WHERE posted.id IS NULL OR account.id IS NULL ORDER BY 2 LIMIT $1::bigint)
UNION ALL
(SELECT 'drift', account.id, 'user ' || user_id || ': ' || name || ' shows ' || balance || ', its entries sum to ' || coalesce(total, 0)
   FROM ledger_account AS account
   LEFT JOIN (SELECT account_id, sum(amount) AS total FROM ledger_entry GROUP BY account_id) AS entries ON account_id = account.id
  WHERE user_id IS NOT NULL AND balance <> coalesce(total, 0) ORDER BY 2 LIMIT $1::bigint)
UNION ALL
(SELECT 'negative', id, 'user ' || user_id || ': ' || name || ' shows ' || balance FROM ledger_account WHERE balance < 0
  ORDER BY 2 LIMIT $1::bigint)
UNION ALL
(SELECT 'uncovered', account.id, 'user ' || account.user_id || ': held shows ' || balance || ', open holds sum to ' || coalesce(total, 0)
   FROM ledger_account AS account
   LEFT JOIN (SELECT user_id, sum(amount) AS total FROM ledger_hold WHERE state = 'held' GROUP BY user_id) AS holds
        ON holds.user_id = account.user_id
  WHERE name = 'held' AND balance <> coalesce(total, 0) ORDER BY 2 LIMIT $1::bigint)
UNION ALL
(SELECT 'unearned', hold.id, 'charged, while its generation is ' || coalesce(state_of.state, 'missing')
   FROM ledger_hold AS hold LEFT JOIN generation AS state_of ON state_of.hold_id = hold.id
  WHERE hold.state = 'charged' AND state_of.state IS DISTINCT FROM 'charged' ORDER BY 2 LIMIT $1::bigint)
UNION ALL
(SELECT 'total', rollup.id, kind || ': the totals say ' || coalesce(rollup.posts, 0) || ' posts of ' || coalesce(rollup.credits, 0)
        || ', posted were ' || coalesce(posted.posts, 0) || ' of ' || coalesce(posted.credits, 0)
   FROM (SELECT kind, min(id) AS id, sum(posts) AS posts, sum(credits) AS credits FROM ledger_rollup GROUP BY kind) AS rollup
   FULL JOIN (SELECT kind, count(*) AS posts, coalesce(sum(abs(amount)), 0) AS credits
                FROM ledger_transaction AS posted
                LEFT JOIN (ledger_entry AS entry JOIN ledger_account AS account ON account.id = entry.account_id)
                     ON entry.transaction_id = posted.id AND name = CASE kind WHEN 'charge' THEN 'revenue' ELSE 'available' END
               GROUP BY kind) AS posted USING (kind)
  WHERE (rollup.posts, rollup.credits) IS DISTINCT FROM (posted.posts, posted.credits) ORDER BY 2 LIMIT $1::bigint)
UNION ALL
-- Nobody will resolve it any more: whoever should is done with it, or was never there. An operator's business.
(SELECT 'stranded', hold.id, 'expired at ' || expires_at || ', its generation is ' || coalesce(state_of.state, 'missing')
   FROM ledger_hold AS hold LEFT JOIN generation AS state_of ON state_of.hold_id = hold.id
  WHERE hold.state = 'held' AND expires_at <= now() AND coalesce(state_of.state, 'released') IN ('expired', 'charged', 'released')
  ORDER BY 2 LIMIT $1::bigint)
UNION ALL
-- Its generation should have ended it long ago: nobody looks at that one any more.
(SELECT 'overdue', hold.id, 'open, while generation ' || work.id || ' is ' || work.state || ' and was due at ' || deadline_at
   FROM ledger_hold AS hold JOIN generation AS work ON work.hold_id = hold.id
  WHERE hold.state = 'held' AND deadline_at < now() - interval '1 hour' AND work.state NOT IN ('expired', 'charged', 'released')
  ORDER BY 2 LIMIT $1::bigint)
