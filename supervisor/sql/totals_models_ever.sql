-- What each model brought and cost, ever: the hours that are kept, and one row for all before.
SELECT model_id, sum(charged) AS charged, sum(cost) AS cost FROM model_hour GROUP BY model_id
