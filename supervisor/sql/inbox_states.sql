-- How these rows stand.
SELECT id, state FROM inbox WHERE id = ANY ($1::bigint[])
