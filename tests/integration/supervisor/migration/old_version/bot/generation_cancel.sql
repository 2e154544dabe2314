-- A quote that nobody wants any more.
UPDATE generation SET state = 'expired', settled_at = now() WHERE id = $1::bigint AND state = 'quoted'
