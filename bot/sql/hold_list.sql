-- A user's open holds, the oldest first, and what each is for.
SELECT hold.id, hold.amount, hold.expires_at, hold.expires_at <= now() AS is_expired, generation.id AS generation,
       generation.state AS generation_state
  FROM ledger_hold AS hold LEFT JOIN generation ON generation.hold_id = hold.id
 WHERE hold.user_id = $1::bigint AND hold.state = 'held' ORDER BY hold.id
