-- Ask the holder of epoch $1 to hand its leadership over; whoever listens and is not that holder ignores it.
SELECT pg_notify('vigil_lock', 'handover ' || $1::bigint)
