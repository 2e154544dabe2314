-- Record that a migration that ran without a transaction is in effect.
UPDATE migration_history SET status = 'success', error_message = NULL, applied_at = now()
 WHERE migration_name = $1::text AND status = 'running'
