-- The lease as an operator wants to see it; the beacon is the advisory lock that the holder's session keeps.
SELECT lease.lock_key, lease.state, lease.epoch, lease.timeline, lease.instance_id, lease.beat, lease.renewed_at,
       lease.expires_at, token.epoch AS token_epoch,
       extract(epoch FROM clock_timestamp() - lease.renewed_at)::float8 AS heartbeat_age,
       extract(epoch FROM lease.expires_at - clock_timestamp())::float8 AS expires_in,
       CASE WHEN NOT lease.beacon THEN 'none'
            WHEN EXISTS (SELECT FROM lock_holders(lock_beacon_key(lease.lock_key, lease.epoch), 'ExclusiveLock'))
            THEN 'held' ELSE 'free' END AS beacon
  FROM lock_heartbeat AS lease
  LEFT JOIN lock_epoch AS token USING (lock_key)
 ORDER BY lease.lock_key
