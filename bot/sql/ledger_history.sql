-- What moved a user's credits last: the newest $2 transactions, newest first.
SELECT posted.id AS transaction, posted.posted_at, posted.kind, posted.idempotency_key AS key,
       coalesce(sum(entry.amount) FILTER (WHERE account.name = 'available'), 0)::bigint AS available,
       coalesce(sum(entry.amount) FILTER (WHERE account.name = 'held'), 0)::bigint AS held
  FROM ledger_account AS account
 CROSS JOIN LATERAL (SELECT transaction_id, amount FROM ledger_entry WHERE account_id = account.id
                      ORDER BY id DESC LIMIT $2::bigint) AS entry
  JOIN ledger_transaction AS posted ON posted.id = entry.transaction_id
 WHERE account.user_id = $1::bigint
 GROUP BY posted.id ORDER BY posted.id DESC LIMIT $2::bigint
