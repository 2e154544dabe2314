-- Who leads, and how many other instances stand by: each keeps one control session on this database.
SELECT lease.lock_key, lease.state, lease.epoch, lease.instance_id AS holder,
       (SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'vigil keeper'
           AND pid IS DISTINCT FROM lease.backend_pid) AS standbys
  FROM lock_heartbeat AS lease
  JOIN lock_epoch USING (lock_key)
