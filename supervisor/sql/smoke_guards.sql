-- What makes a payment or a charge happen once: one row a unique key or trigger that is absent, invalid or switched off.
WITH keys (place, columns) AS (
    VALUES ('ledger_transaction', 'idempotency_key'), ('ledger_hold', 'opened_by'), ('ledger_hold', 'resolved_by'),
           ('generation', 'hold_id'), ('inbox', 'source,dedupe_key')
), triggers (place, name) AS (
    VALUES ('ledger_transaction', 'a_fenced'), ('ledger_transaction', 'b_append_only'), ('ledger_entry', 'a_fenced'),
           ('ledger_entry', 'b_append_only'), ('ledger_entry', 'ledger_entry_balanced'), ('ledger_hold', 'b_opens'),
           ('ledger_hold', 'b_resolved_once'), ('ledger_transaction', 'ledger_transaction_balanced'),
           ('ledger_account', 'b_only_by_entries')
)
SELECT 'unique key ' || place || '(' || columns || ')' AS missing
  FROM keys
 WHERE NOT EXISTS (
       SELECT FROM pg_index
        WHERE indrelid = to_regclass(place) AND indisunique AND indisvalid AND indpred IS NULL
          AND columns = (SELECT string_agg(attname, ',' ORDER BY position)
                           FROM unnest(indkey) WITH ORDINALITY AS key (attnum, position)
                           JOIN pg_attribute USING (attnum) WHERE attrelid = indrelid))
UNION ALL
SELECT 'trigger ' || name || ' on ' || place
  FROM triggers
 WHERE NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(place) AND tgname = name AND tgenabled <> 'D')
