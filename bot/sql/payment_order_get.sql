-- The order that a payment is checked against, with the time of asking by the database's own clock.
SELECT user_id, currency, amount, state, expires_at, clock_timestamp() AS asked_at
  FROM payment_order
 WHERE id = $1::uuid
