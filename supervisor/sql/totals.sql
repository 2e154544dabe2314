-- What the dashboards need and no process can count: lock facts and queue totals. Queues are counted along partial
-- indexes and up to $2 rows of a kind, so that the longest backlog makes this no slower.
SELECT extract(epoch FROM clock_timestamp())::float8                                                 AS now,
       coalesce(l.epoch, 0)                                                                          AS epoch,
       l.instance_id                                                                                 AS holder,
       CASE WHEN l.state = 'held' THEN extract(epoch FROM clock_timestamp() - l.renewed_at)::float8 END AS heartbeat_age,
       coalesce(l.state = 'held' AND l.expires_at > clock_timestamp(), false)                        AS held,
       e.takeovers_1h, e.takeovers_24h, e.takeovers_stale, e.takeovers_session_lost, e.last_takeover,
       e.lock_first, e.lock_handover, e.lock_takeover, e.lock_reclaim, e.lock_release, e.lock_demotion, e.lock_fencing, e.lock_break,
       (SELECT count(*) FROM (SELECT FROM inbox WHERE state = 'ready' ORDER BY id LIMIT $2::bigint) AS ready) AS inbox_ready,
       c.inbox_claimed, d.inbox_dead, d.inbox_dead_1h, o.outbox_ready, o.outbox_sending,
       coalesce(extract(epoch FROM clock_timestamp() - least(c.oldest, (
           SELECT received_at FROM inbox WHERE state = 'ready' ORDER BY id LIMIT 1)))::float8, 0)   AS inbox_oldest_age,
       coalesce(extract(epoch FROM clock_timestamp() - o.due)::float8, 0)                            AS outbox_oldest_age,
       pg_total_relation_size('inbox')                                                               AS inbox_bytes,
       pg_total_relation_size('outbox')                                                              AS outbox_bytes,
       coalesce(pg_stat_get_dead_tuples('inbox'::regclass), 0)                                       AS inbox_dead_rows,
       coalesce(pg_stat_get_dead_tuples('outbox'::regclass), 0)                                      AS outbox_dead_rows,
       coalesce((SELECT extract(epoch FROM clock_timestamp() - min(xact_start))::float8
                   FROM pg_stat_activity WHERE backend_xmin IS NOT NULL OR backend_xid IS NOT NULL), 0) AS oldest_transaction
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
 CROSS JOIN LATERAL (
        SELECT count(*) AS inbox_claimed, min(received_at) AS oldest
          FROM (SELECT received_at FROM inbox WHERE state = 'claimed' LIMIT $2::bigint) claimed) c
 CROSS JOIN LATERAL (
        SELECT count(*) AS inbox_dead, count(*) FILTER (WHERE settled_at > now() - interval '1 hour') AS inbox_dead_1h
          FROM (SELECT settled_at FROM inbox WHERE state = 'dead' ORDER BY id DESC LIMIT $2::bigint) dead) d
 CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE state = 'ready') AS outbox_ready, count(*) FILTER (WHERE state = 'sending') AS outbox_sending,
               min(run_at) FILTER (WHERE is_head AND state = 'ready' AND run_at <= now()) AS due
          FROM (SELECT state, run_at, lane IS DISTINCT FROM lag(lane) OVER (ORDER BY lane, id) AS is_head
                  FROM (SELECT state, run_at, lane, id FROM outbox WHERE state IN ('ready', 'sending')
                         ORDER BY lane, id LIMIT $2::bigint) open) ordered) o
