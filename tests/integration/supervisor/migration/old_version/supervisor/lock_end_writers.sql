-- End the sessions that still write under an old term, if the lease is still what we saw; how many.
SELECT lock_end_writers($1::bigint, $2::bigint, $3::bigint)
