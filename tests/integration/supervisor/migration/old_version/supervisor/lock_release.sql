-- End the term and tell who listens; false: it was not ours any more.
SELECT lock_release($1::bigint, $2::text, $3::bigint)
