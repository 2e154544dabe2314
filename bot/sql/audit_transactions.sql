-- One step of the audit: the next $2 transactions after $1 up to the horizon's last, $3. None before the horizon's database
-- transactions, up to $4, have ended: ids are drawn in one order and committed in another, and a lower one could follow.
SELECT count(*) AS looked, max(id) AS last, coalesce(sum(abs(total)) + count(*) FILTER (WHERE entries < 2), 0) AS drift
  FROM (SELECT posted.id, (SELECT coalesce(sum(amount), 0) FROM ledger_entry WHERE transaction_id = posted.id) AS total,
               (SELECT count(*) FROM ledger_entry WHERE transaction_id = posted.id) AS entries
          FROM (SELECT id FROM ledger_transaction
                 WHERE id > $1::bigint AND id <= $3::bigint AND pg_snapshot_xmin(pg_current_snapshot()) >= $4::text::xid8
                 ORDER BY id LIMIT $2::bigint) AS posted) AS looked_at
