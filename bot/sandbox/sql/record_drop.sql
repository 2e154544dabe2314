-- Forget one record (SQLite).
DELETE FROM record WHERE kind = :kind AND key = :key;
