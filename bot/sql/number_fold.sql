-- Add the hours older than $1 hours to each model's total, and remove them.
WITH old AS (
    DELETE FROM model_hour
     WHERE hour < now() - make_interval(hours => $1::integer) AND hour > '-infinity'
    RETURNING *
)
INSERT INTO model_hour AS kept (model_id, hour, success, provider_error, timeout, moderation, bad_input, cancelled, late,
                                charged, charged_given, cost, free_cost, welcome_cost, seconds)
SELECT model_id, '-infinity', sum(success), sum(provider_error), sum(timeout), sum(moderation), sum(bad_input),
       sum(cancelled), sum(late), sum(charged), sum(charged_given), sum(cost), sum(free_cost), sum(welcome_cost),
       sum(seconds)
  FROM old GROUP BY model_id
ON CONFLICT (model_id, hour) DO UPDATE
   SET success = kept.success + excluded.success, provider_error = kept.provider_error + excluded.provider_error,
       timeout = kept.timeout + excluded.timeout, moderation = kept.moderation + excluded.moderation,
       bad_input = kept.bad_input + excluded.bad_input, cancelled = kept.cancelled + excluded.cancelled,
       late = kept.late + excluded.late, charged = kept.charged + excluded.charged,
       charged_given = kept.charged_given + excluded.charged_given, cost = kept.cost + excluded.cost,
       free_cost = kept.free_cost + excluded.free_cost, welcome_cost = kept.welcome_cost + excluded.welcome_cost,
       seconds = kept.seconds + excluded.seconds
