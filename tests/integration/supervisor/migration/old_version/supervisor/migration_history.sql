-- Every migration that was ever tried here, oldest first; an older history lacks columns, so they are read by name.
SELECT migration_name, status, applied_at, error_message,
       to_jsonb(history) ->> 'checksum' AS checksum,
       coalesce((to_jsonb(history) ->> 'attempts')::integer, 1) AS attempts
  FROM migration_history AS history
 ORDER BY migration_name
