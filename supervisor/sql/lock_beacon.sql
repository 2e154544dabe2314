-- Take the beacon of our own term on this session; false: not yet. $4 is the session that held it before, or 0.
SELECT lock_beacon($1::bigint, $2::text, $3::bigint, $4::integer)
