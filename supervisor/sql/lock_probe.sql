-- Call the real renew and the real release for a term that cannot exist: false when they work, an error when this build
-- could not do it. A session's first call of a function is its slowest: let it not be the one that somebody waits for.
SELECT lock_renew($1::bigint, $2::text, -1::bigint, 1::integer) OR lock_release($1::bigint, $2::text, -1::bigint)
