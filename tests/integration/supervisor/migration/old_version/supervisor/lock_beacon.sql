-- Take the beacon of our own term on this connection; false: not yet. $4 are the sessions of this term before it.
SELECT lock_beacon($1::bigint, $2::text, $3::bigint, $4::integer[])
