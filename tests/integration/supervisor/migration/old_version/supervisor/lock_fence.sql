-- Let this transaction write while $2 is the current epoch; VG001 once it is not.
SELECT lock_fence($1::bigint, $2::bigint)
