-- The message that shows the quote and then the progress.
UPDATE generation SET status_outbox_id = $2::bigint WHERE id = $1::bigint
