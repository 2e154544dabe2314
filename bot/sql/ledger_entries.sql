-- Every entry with its transaction and its account, in the order in which they were posted.
SELECT posted.id, posted.posted_at, posted.kind, posted.idempotency_key AS key, account.user_id, account.name, entry.amount
  FROM ledger_entry AS entry
  JOIN ledger_transaction AS posted ON posted.id = entry.transaction_id
  JOIN ledger_account AS account ON account.id = entry.account_id
 ORDER BY entry.transaction_id, entry.id
