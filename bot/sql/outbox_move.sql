-- Give what waits in a lane to the chat that its chat has become, in the same order.
-- Not while a call of the lane is under way: what follows it would overtake it. The outbox does it after that call.
UPDATE outbox SET lane = 'chat:' || $2::bigint, chat_id = $2::bigint
 WHERE lane = $1::text AND state = 'ready'
   AND NOT EXISTS (SELECT FROM outbox AS other WHERE other.lane = $1::text AND other.state = 'sending')
