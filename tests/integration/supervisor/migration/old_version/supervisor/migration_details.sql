-- Add to the history row what its function has no arguments for.
UPDATE migration_history
   SET checksum = $2::text, duration_ms = $3::integer, applied_by = $4::text, app_version = $5::text
 WHERE migration_name = $1::text
