-- Let this transaction write while ($3, $2) is the current token; VG001 once it is not.
SELECT lock_fence($1::bigint, $2::bigint, $3::bigint)
