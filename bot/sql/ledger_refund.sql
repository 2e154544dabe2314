-- Take back what a user was sold, or what is left of it, or say why not.
SELECT outcome, posted_id, refunded FROM ledger_refund($1::bigint, $2::bigint, $3::text)
