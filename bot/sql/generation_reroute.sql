-- Give an order that made no task to another model, for no more than before; no row when it has moved on.
UPDATE generation
   SET state = 'held', model_id = $2::text, inputs = $3::text::json, price = $4::bigint, steps = 0, next_step_at = now()
 WHERE id = $1::bigint AND state = 'submitting'
RETURNING id
