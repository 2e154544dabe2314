-- What the dashboards need and no process can count: lock facts and queue totals, from partial indexes.
SELECT extract(epoch FROM clock_timestamp())::float8                                                 AS now,
       coalesce(l.epoch, 0)                                                                          AS epoch,
       l.instance_id                                                                                 AS holder,
       CASE WHEN l.state = 'held' THEN extract(epoch FROM clock_timestamp() - l.renewed_at)::float8 END AS heartbeat_age,
       coalesce(l.state = 'held' AND l.expires_at > clock_timestamp(), false)                        AS held,
       e.takeovers_1h, e.takeovers_24h, e.takeovers_stale, e.takeovers_session_lost, e.last_takeover,
       e.lock_first, e.lock_handover, e.lock_takeover, e.lock_reclaim, e.lock_release, e.lock_demotion, e.lock_fencing, e.lock_break,
       (SELECT count(*) FROM inbox WHERE state = 'ready')                                            AS inbox_ready,
       (SELECT count(*) FROM inbox WHERE state = 'claimed')                                          AS inbox_claimed,
       (SELECT count(*) FROM inbox WHERE state = 'dead')                                             AS inbox_dead,
       coalesce((SELECT extract(epoch FROM clock_timestamp() - received_at)::float8
                   FROM inbox WHERE state = 'ready' ORDER BY id LIMIT 1), 0)                         AS inbox_oldest_age
  FROM (SELECT $1::bigint AS lock_key) k
  LEFT JOIN lock_heartbeat l USING (lock_key)
 CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE kind = 'takeover' AND at > now() - interval '1 hour')   AS takeovers_1h,
               count(*) FILTER (WHERE kind = 'takeover' AND at > now() - interval '24 hours') AS takeovers_24h,
               count(*) FILTER (WHERE kind = 'takeover' AND reason = 'stale')                 AS takeovers_stale,
               count(*) FILTER (WHERE kind = 'takeover' AND reason = 'session_lost')          AS takeovers_session_lost,
               extract(epoch FROM max(at) FILTER (WHERE kind = 'takeover'))::float8           AS last_takeover,
               count(*) FILTER (WHERE kind = 'first')                                         AS lock_first,
               count(*) FILTER (WHERE kind = 'handover')                                      AS lock_handover,
               count(*) FILTER (WHERE kind = 'takeover')                                      AS lock_takeover,
               count(*) FILTER (WHERE kind = 'reclaim')                                       AS lock_reclaim,
               count(*) FILTER (WHERE kind = 'release')                                       AS lock_release,
               count(*) FILTER (WHERE kind = 'demotion')                                      AS lock_demotion,
               count(*) FILTER (WHERE kind = 'fencing')                                       AS lock_fencing,
               count(*) FILTER (WHERE kind = 'break')                                         AS lock_break
          FROM lock_events WHERE lock_key = k.lock_key) e
