-- The oldest open row of each lane, where it may be sent now; lanes being served are left out.
SELECT head.id, head.lane, head.chat_id, head.method, head.params::text, head.best_effort, head.edits, head.generation_id,
       head.attempts, head.ambiguous, head.traceparent, extract(epoch FROM now() - head.created_at)::float8 AS age,
       target.state AS target_state, target.result_message_id AS target_message_id
  FROM (SELECT DISTINCT ON (lane) * FROM outbox WHERE state IN ('ready', 'sending') ORDER BY lane, id) AS head
  LEFT JOIN outbox AS target ON target.id = head.edits
 WHERE head.state = 'ready' AND head.run_at <= now() AND head.lane <> ALL ($1::text[])
 ORDER BY head.id LIMIT $2::bigint
