-- Count a settled generation under its model and hour, and its way there; run in the transaction that settled it.
WITH settled AS MATERIALIZED (
    SELECT model_id, price, coalesce(cost, 0) AS cost, $2::text AS outcome, $2::text = 'success' AS is_success,
           coalesce(requested, 'model') AS requested, coalesce(reason, 'chosen') AS reason,
           coalesce(extract(epoch FROM now() - submitted_at), 0)::double precision AS seconds,
           $2::text = 'success' AND NOT EXISTS (
               SELECT FROM ledger_account AS account
                 JOIN ledger_entry AS entry ON entry.account_id = account.id
                 JOIN ledger_transaction AS posted ON posted.id = entry.transaction_id AND posted.kind = 'topup'
                WHERE account.user_id = generation.user_id AND account.name = 'available') AS is_given
      FROM generation LEFT JOIN generation_route ON generation_id = id
     WHERE id = $1::bigint
), counted AS (
    INSERT INTO model_hour AS kept (model_id, hour, success, provider_error, timeout, moderation, bad_input, cancelled,
                                    charged, charged_given, cost, free_cost, welcome_cost, seconds)
    SELECT model_id, date_trunc('hour', now(), 'UTC'), is_success::int, (outcome = 'provider_error')::int,
           (outcome = 'timeout')::int, (outcome = 'moderation')::int, (outcome = 'bad_input')::int,
           (outcome = 'cancelled')::int,
           CASE WHEN is_success THEN price ELSE 0 END, CASE WHEN is_given THEN price ELSE 0 END,
           cost, CASE WHEN is_success AND price = 0 THEN cost ELSE 0 END, CASE WHEN is_given AND price > 0 THEN cost ELSE 0 END,
           CASE WHEN is_success THEN seconds ELSE 0 END
      FROM settled
    ON CONFLICT (model_id, hour) DO UPDATE
       SET success = kept.success + excluded.success, provider_error = kept.provider_error + excluded.provider_error,
           timeout = kept.timeout + excluded.timeout, moderation = kept.moderation + excluded.moderation,
           bad_input = kept.bad_input + excluded.bad_input, cancelled = kept.cancelled + excluded.cancelled,
           charged = kept.charged + excluded.charged, charged_given = kept.charged_given + excluded.charged_given,
           cost = kept.cost + excluded.cost, free_cost = kept.free_cost + excluded.free_cost,
           welcome_cost = kept.welcome_cost + excluded.welcome_cost, seconds = kept.seconds + excluded.seconds
)
INSERT INTO model_route AS kept (requested, model_id, reason, generations)
SELECT requested, model_id, reason, 1 FROM settled
ON CONFLICT (requested, model_id, reason) DO UPDATE SET generations = kept.generations + 1
