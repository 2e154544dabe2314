-- The sandbox's whole state (SQLite): one row a record, its JSON in `body`.
CREATE TABLE IF NOT EXISTS record (
    kind TEXT NOT NULL,
    key  TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, key)
);
