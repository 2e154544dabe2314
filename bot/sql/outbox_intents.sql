-- Rows whose sending was begun in this or an older term and which nobody is sending: their outcome is unknown.
SELECT head.id, head.lane, head.chat_id, head.method, head.params::text, head.best_effort, head.edits, head.generation_id,
       head.attempts, head.ambiguous, head.traceparent, greatest(0, extract(epoch FROM now() - head.created_at))::float8 AS age,
       target.state AS target_state, target.result_message_id AS target_message_id, target.chat_id AS target_chat_id
  FROM outbox AS head
  LEFT JOIN outbox AS target ON target.id = head.edits
 WHERE head.state = 'sending' AND head.intent_epoch <= $1::bigint AND head.id <> ALL ($2::bigint[])
 ORDER BY head.id
