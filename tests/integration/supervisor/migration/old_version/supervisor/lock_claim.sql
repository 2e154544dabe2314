-- Begin a term if the lease is still what we saw ($4 epoch, $5 beat); its token, or a row of NULLs.
SELECT won_epoch AS epoch, won_timeline AS timeline, quarantined
  FROM lock_claim($1::bigint, $2::text, $3::integer, $4::bigint, $5::bigint, $6::text, $7::boolean)
