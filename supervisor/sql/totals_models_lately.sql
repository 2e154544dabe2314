-- What each model brought and cost within the last hour and day: rows of hours, at most 25 a model.
SELECT model_id, time_window, sum(success * part)::float8 AS success, sum(provider_error * part)::float8 AS provider_error,
       sum(timeout * part)::float8 AS timeout, sum(moderation * part)::float8 AS moderation,
       sum(bad_input * part)::float8 AS bad_input, sum(cancelled * part)::float8 AS cancelled, sum(late * part)::float8 AS late,
       sum(charged * part)::float8 AS charged, sum(charged_given * part)::float8 AS charged_given,
       sum(cost * part)::float8 AS cost, sum(free_cost * part)::float8 AS free_cost, sum(welcome_cost * part)::float8 AS welcome_cost,
       sum(seconds * part)::float8 AS seconds
  FROM (SELECT *, greatest(0, least(1, extract(epoch FROM hour - now()) / 3600 + 1 + hours)) AS part
          FROM model_hour
         CROSS JOIN (VALUES ('1h', 1), ('24h', 24)) AS sliding (time_window, hours)
         WHERE hour > now() - interval '25 hours') AS lately
 GROUP BY model_id, time_window
