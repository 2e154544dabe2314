-- Write one record, new or changed (SQLite).
INSERT INTO record (kind, key, body) VALUES (:kind, :key, :body)
ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body;
