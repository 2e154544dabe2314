-- Record the text that was proved to be in effect.
UPDATE migration_history SET checksum = $2::text WHERE migration_name = $1::text
