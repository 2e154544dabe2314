-- The oldest open row of each of these lanes, and all that decides whether it may be sent now.
-- One that nobody has tried waits for nothing, wherever the clock that gave it its time stands now; nor does one that
-- would wait for more than $2 seconds: nobody is told to, so the clock was set back.
SELECT head.id, head.lane, head.chat_id, head.method, head.params::text, head.best_effort, head.edits, head.generation_id,
       head.attempts, head.ambiguous, head.traceparent, greatest(0, extract(epoch FROM now() - head.created_at))::float8 AS age,
       target.state AS target_state, target.result_message_id AS target_message_id, target.chat_id AS target_chat_id,
       (SELECT new_id FROM chat_moved WHERE old_id = head.chat_id) AS moved_to,
       EXISTS (SELECT FROM users WHERE id = head.chat_id AND unreachable_at IS NOT NULL)
       OR EXISTS (SELECT FROM group_unreachable WHERE chat_id = head.chat_id) AS unreachable,
       head.state, CASE WHEN head.last_error IS NULL OR head.run_at > now() + make_interval(secs => $2::float8) THEN 0
                   ELSE extract(epoch FROM head.run_at - now()) END::float8 AS wait,
       -- What was queued before it for the group that this chat was goes first: a call under way, whose row is not moved.
       -- Few groups ever move: where ten thousand have, reading them costs 0.2 ms.
       CASE WHEN head.lane LIKE 'chat:-%' THEN EXISTS (
            SELECT FROM chat_moved CROSS JOIN LATERAL (
                   SELECT id FROM outbox WHERE state IN ('ready', 'sending') AND lane = 'chat:' || old_id
                    ORDER BY id LIMIT 1) AS earlier
             WHERE new_id = head.chat_id AND earlier.id < head.id) ELSE false END AS is_behind
  FROM unnest($1::text[]) AS wanted (lane)
 CROSS JOIN LATERAL (
       SELECT * FROM outbox WHERE state IN ('ready', 'sending') AND lane = wanted.lane ORDER BY id LIMIT 1) AS head
  LEFT JOIN outbox AS target ON target.id = head.edits
