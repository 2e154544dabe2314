-- One look at the lease: who holds it, what it has shown last, how long it is still good on the database's clock,
-- whether its beacon is free ($2: probe it; a shared lock for the length of this statement), unplanned takeovers lately.
SELECT epoch, beat, CASE WHEN state = 'held' THEN instance_id END AS holder,
       extract(epoch FROM expires_at - clock_timestamp())::float8 AS expires_in,
       extract(epoch FROM clock_timestamp() - renewed_at)::float8 AS renewed_ago,
       CASE WHEN $2::boolean AND state = 'held' AND beacon
            THEN pg_try_advisory_xact_lock_shared(lock_beacon_key(lock_key, epoch)) END AS beacon_free,
       (SELECT count(*) FROM lock_events
         WHERE lock_key = $1::bigint AND kind = 'takeover' AND at > clock_timestamp() - interval '10 minutes') AS takeovers
  FROM lock_heartbeat
 WHERE lock_key = $1::bigint
