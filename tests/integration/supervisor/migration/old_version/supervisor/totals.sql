-- What the dashboards need and no process can count: lock facts and queue totals, from partial indexes.
SELECT coalesce(l.epoch, 0)                                                                          AS epoch,
       l.instance_id                                                                                 AS holder,
       CASE WHEN l.state = 'held' THEN extract(epoch FROM clock_timestamp() - l.renewed_at)::float8 END AS heartbeat_age,
       coalesce(e.takeovers_1h, 0)                                                                   AS takeovers_1h,
       coalesce(e.takeovers_24h, 0)                                                                  AS takeovers_24h,
       coalesce(e.stale, 0)                                                                          AS takeovers_stale,
       coalesce(e.session_lost, 0)                                                                   AS takeovers_session_lost,
       coalesce(e.handovers, 0)                                                                      AS handovers,
       (SELECT count(*) FROM inbox WHERE state = 'ready')                                            AS inbox_ready,
       (SELECT count(*) FROM inbox WHERE state = 'claimed')                                          AS inbox_claimed,
       (SELECT count(*) FROM inbox WHERE state = 'dead')                                             AS inbox_dead,
       coalesce((SELECT extract(epoch FROM clock_timestamp() - received_at)::float8
                   FROM inbox WHERE state = 'ready' ORDER BY id LIMIT 1), 0)                         AS inbox_oldest_age
  FROM (SELECT $1::bigint AS lock_key) k
  LEFT JOIN lock_heartbeat l USING (lock_key)
  LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE kind = 'takeover' AND at > now() - interval '1 hour')   AS takeovers_1h,
               count(*) FILTER (WHERE kind = 'takeover' AND at > now() - interval '24 hours') AS takeovers_24h,
               count(*) FILTER (WHERE kind = 'takeover' AND reason = 'stale')                 AS stale,
               count(*) FILTER (WHERE kind = 'takeover' AND reason = 'session_lost')          AS session_lost,
               count(*) FILTER (WHERE kind = 'handover')                                      AS handovers
          FROM lock_events WHERE lock_key = k.lock_key) e ON true
