-- The message of a dialog while it is kept, held so that it can be edited; its number is null until it is sent.
SELECT result_message_id AS message_id FROM outbox WHERE id = $1::bigint FOR KEY SHARE
