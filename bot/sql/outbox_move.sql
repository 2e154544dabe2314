-- Give what waits in a lane to the chat that its chat has become, in the same order.
-- A call of the lane that is under way stays there until it has ended; what is moved waits for it (outbox_heads).
UPDATE outbox SET lane = 'chat:' || $2::bigint, chat_id = $2::bigint
 WHERE lane = $1::text AND state = 'ready'
