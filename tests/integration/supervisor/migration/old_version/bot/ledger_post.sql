-- Post a transaction with its entries, which lock the accounts in id order; no row when the key is taken.
WITH posted AS (
    INSERT INTO ledger_transaction (kind, idempotency_key, request_hash)
    VALUES ($1::text, $2::text, $3::bytea)
    ON CONFLICT (idempotency_key) DO NOTHING
    RETURNING id
), entry AS (
    INSERT INTO ledger_entry (transaction_id, account_id, amount)
    SELECT posted.id, account.id, wanted.amount
      FROM posted, unnest($5::text[], $6::bigint[]) AS wanted (name, amount)
     CROSS JOIN LATERAL (
           -- Names of users' accounts and of the house's differ, so exactly one of the two is found.
           SELECT id FROM ledger_account WHERE user_id = $4::bigint AND name = wanted.name
            UNION ALL
           SELECT id FROM ledger_account WHERE user_id IS NULL AND name = wanted.name) AS account
     ORDER BY account.id
    RETURNING 1
)
SELECT posted.id, (SELECT count(*) FROM entry) AS entries FROM posted
