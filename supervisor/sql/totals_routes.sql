-- How generations were asked for, who made them, and why: a row each.
SELECT requested, model_id, reason, generations FROM model_route
