-- Call the real renew and the real release for a term that cannot exist: false when they work, an error when they do not.
SELECT lock_renew($1::bigint, $2::text, -1::bigint, 1::integer) OR lock_release($1::bigint, $2::text, -1::bigint)
