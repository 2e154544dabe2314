-- What each model did within the last hour and day. The oldest hour counts in as much as it still lies within.
SELECT model_id,
       coalesce(sum(success * of_hour) FILTER (WHERE of_hour > 0), 0)::double precision AS successes,
       coalesce(sum((provider_error + timeout) * of_hour) FILTER (WHERE of_hour > 0), 0)::double precision AS faults,
       coalesce(sum(seconds * of_hour) FILTER (WHERE of_hour > 0), 0)::double precision AS seconds,
       sum(success * of_day)::double precision AS day_successes,
       sum(seconds * of_day)::double precision AS day_seconds
  FROM (SELECT *, least(1, extract(epoch FROM hour - now()) / 3600 + 2) AS of_hour,
               least(1, extract(epoch FROM hour - now()) / 3600 + 25) AS of_day
          FROM model_hour WHERE hour > now() - interval '25 hours') AS lately
 GROUP BY model_id
