-- Whether something of a generation is still to be sent; what waits for a chat that has moved waits at its new place.
SELECT EXISTS (
    SELECT FROM outbox
     WHERE outbox.state IN ('ready', 'sending') AND outbox.generation_id = $1::bigint
       AND outbox.lane IN (SELECT 'chat:' || $2::bigint
                            UNION ALL
                           SELECT 'chat:' || new_id FROM chat_moved WHERE old_id = $2::bigint))
