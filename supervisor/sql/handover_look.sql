-- Who leads, whether its session is gone, and how many other instances stand by: each keeps one control session here.
SELECT lease.lock_key, lease.state, lease.epoch, lease.instance_id AS holder,
       (SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'vigil keeper'
           AND pid IS DISTINCT FROM lease.backend_pid) AS standbys,
       extract(epoch FROM lease.expires_at - clock_timestamp())::float8 AS expires_in,
       lease.beacon AND NOT EXISTS (
           SELECT FROM lock_holders(lock_beacon_key(lease.lock_key, lease.epoch), 'ExclusiveLock')) AS gone
  FROM lock_heartbeat AS lease
  JOIN lock_epoch USING (lock_key)
