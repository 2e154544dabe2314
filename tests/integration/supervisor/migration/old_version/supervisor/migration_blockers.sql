-- The oldest transactions of this database but our own: what a migration waits for is among them.
SELECT pid, application_name, extract(epoch FROM now() - xact_start)::integer AS seconds
  FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
   AND backend_type = 'client backend'
 ORDER BY xact_start
 LIMIT 3
