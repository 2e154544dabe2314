-- Every migration that was ever tried here, oldest first.
SELECT migration_name, status, applied_at, checksum, attempts, error_message
  FROM migration_history
 ORDER BY migration_name
