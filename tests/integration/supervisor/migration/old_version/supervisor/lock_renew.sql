-- Renew the lease of exactly this holder ($2) and epoch ($3); false: the term is over.
SELECT lock_renew($1::bigint, $2::text, $3::bigint, $4::integer)
