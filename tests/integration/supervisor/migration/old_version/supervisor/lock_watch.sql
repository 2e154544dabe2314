-- One look at the lease: who holds it, what it has shown last, how long it is still good on the database's clock.
SELECT epoch, beat, CASE WHEN state = 'held' THEN instance_id END AS holder,
       extract(epoch FROM expires_at - clock_timestamp())::float8 AS expires_in,
       extract(epoch FROM clock_timestamp() - renewed_at)::float8 AS renewed_ago
  FROM lock_heartbeat
 WHERE lock_key = $1::bigint
