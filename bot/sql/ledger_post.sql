-- Post a transaction, or find it posted; posted_id is NULL when its key is another request's. No row: no such user.
SELECT posted_id, is_new FROM ledger_post($1::text, $2::text, $3::bigint, $4::text[], $5::bigint[])
 WHERE EXISTS (SELECT FROM ledger_account WHERE user_id = $3::bigint)
