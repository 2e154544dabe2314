-- Call the real renew for a term that cannot exist: false when it works, an error when this build could not renew.
SELECT lock_renew($1::bigint, $2::text, -1::bigint, 1::integer)
