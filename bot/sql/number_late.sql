-- Count a result that came after the credits went back, and what it cost: nobody pays for it.
INSERT INTO model_hour AS kept (model_id, hour, late, cost, free_cost)
SELECT model_id, date_trunc('hour', now(), 'UTC'), 1, coalesce(cost, 0), coalesce(cost, 0)
  FROM generation WHERE id = $1::bigint
ON CONFLICT (model_id, hour) DO UPDATE
   SET late = kept.late + 1, cost = kept.cost + excluded.cost, free_cost = kept.free_cost + excluded.free_cost
