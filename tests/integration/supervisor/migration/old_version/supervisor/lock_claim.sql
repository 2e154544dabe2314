-- Begin a term if the lease is still what we saw ($4 epoch, $5 beat); the new epoch, or NULL.
SELECT lock_claim($1::bigint, $2::text, $3::integer, $4::bigint, $5::bigint, $6::text)
