-- How it stands: today (UTC) from the hours' totals, the rest counted up to $1 rows of each.
WITH today AS (
    SELECT coalesce(sum(success), 0) AS success,
           coalesce(sum(provider_error + timeout + moderation + bad_input + cancelled), 0) AS failed,
           coalesce(sum(charged), 0)::bigint AS charged, coalesce(sum(cost), 0)::bigint AS cost,
           coalesce(sum(free_cost), 0)::bigint AS free_cost
      FROM model_hour WHERE hour >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
)
SELECT today.*,
       (SELECT count(*) FROM (SELECT FROM users LIMIT $1::integer) AS few) AS users,
       (SELECT count(*) FROM (SELECT FROM generation
          WHERE state IN ('held', 'submitting', 'submitted', 'unknown', 'succeeded', 'delivered', 'failed') LIMIT $1::integer) AS few)
           AS under_way,
       (SELECT count(*) FROM (SELECT FROM inbox WHERE state = 'ready' LIMIT $1::integer) AS few) AS ready,
       (SELECT count(*) FROM (SELECT FROM inbox WHERE state = 'dead' LIMIT $1::integer) AS few) AS dead,
       (SELECT count(*) FROM (SELECT FROM outbox WHERE state IN ('ready', 'sending') LIMIT $1::integer) AS few) AS sending,
       lease.state AS lock_state, lease.instance_id, lease.epoch,
       extract(epoch FROM now() - lease.renewed_at)::double precision AS heartbeat_age
  FROM today LEFT JOIN (SELECT * FROM lock_heartbeat ORDER BY renewed_at DESC LIMIT 1) AS lease ON true
