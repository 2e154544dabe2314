-- A user at the first contact; no row when another transaction was first.
INSERT INTO users (id, language) VALUES ($1::bigint, $2::text) ON CONFLICT (id) DO NOTHING RETURNING id
