-- For this transaction: go along the indexes, whatever the statistics say; when a backlog has just begun they know nothing of it.
SELECT set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true)
