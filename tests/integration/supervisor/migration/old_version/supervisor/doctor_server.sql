-- What the server is, and how much room it has for connections.
SELECT current_setting('server_version_num')::integer                                     AS version,
       current_setting('server_version')                                                  AS version_text,
       current_setting('transaction_read_only')::boolean OR pg_is_in_recovery()           AS read_only,
       extract(epoch FROM clock_timestamp())::float8                                      AS clock,
       current_setting('max_connections')::integer
         - current_setting('superuser_reserved_connections')::integer                     AS connections,
       -- Not by backend_type: of other roles' sessions a role without pg_monitor sees only that they are there.
       (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL)                    AS used,
       (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'vigil%')       AS ours,
       (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user)       AS role_limit
