-- How a quote came to its model; noted again, it came there otherwise.
INSERT INTO generation_route (generation_id, requested, reason) VALUES ($1::bigint, $2::text, $3::text)
ON CONFLICT (generation_id) DO UPDATE SET requested = excluded.requested, reason = excluded.reason
