-- How a generation came to its model, and which models could not make it; no row when somebody chose it.
SELECT requested, tried FROM generation_route WHERE generation_id = $1::bigint
