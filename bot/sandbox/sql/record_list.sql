-- Every record, in the order it was first written (SQLite).
SELECT kind, body FROM record ORDER BY rowid;
