-- The predecessor's heartbeat function for an instance that does not exist ($2): false, because it renews nothing.
SELECT update_lock_heartbeat($1::bigint, $2::text)
