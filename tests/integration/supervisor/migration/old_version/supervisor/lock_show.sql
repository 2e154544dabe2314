-- The lease as an operator wants to see it.
SELECT lock_key, state, epoch, instance_id, beat, renewed_at, expires_at,
       extract(epoch FROM clock_timestamp() - renewed_at)::float8 AS heartbeat_age,
       extract(epoch FROM expires_at - clock_timestamp())::float8 AS expires_in
  FROM lock_heartbeat ORDER BY lock_key
