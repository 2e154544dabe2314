-- What happened to the lock, newest first, $1 events at most.
SELECT at, epoch, timeline, kind, reason, instance_id FROM lock_events ORDER BY id DESC LIMIT $1::integer
