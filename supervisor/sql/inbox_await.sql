-- Wait until whoever is changing these rows has committed or rolled back; the next statement sees which.
SELECT FROM inbox WHERE id = ANY ($1::bigint[]) ORDER BY id FOR UPDATE
