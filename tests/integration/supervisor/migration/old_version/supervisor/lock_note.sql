-- Write down that a term of ours ended without a release: $4 demotion or fencing, $5 why.
SELECT lock_note($1::bigint, $2::text, $3::bigint, $4::text, $5::text)
