-- Whether the inbox answers, and what waits in it.
SELECT count(*) FILTER (WHERE state = 'ready')   AS ready,
       count(*) FILTER (WHERE state = 'claimed') AS claimed,
       count(*) FILTER (WHERE state = 'dead')    AS dead,
       coalesce(extract(epoch FROM clock_timestamp() - min(received_at) FILTER (WHERE state = 'ready')), 0)::float8 AS oldest
  FROM inbox WHERE state IN ('ready', 'claimed', 'dead')
