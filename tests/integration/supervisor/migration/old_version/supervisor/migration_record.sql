-- Record how a migration ended, through the function that other programs use too.
SELECT record_migration($1::text, $2::text, $3::text)
