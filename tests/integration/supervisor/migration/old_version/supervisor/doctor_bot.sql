-- Which bot this database was given to, and the lock key of its one lease.
SELECT (SELECT value FROM generated_setting WHERE name = 'bot_id') AS bot_id, (SELECT lock_key FROM lock_epoch) AS lock_key
