-- An empty schema in which files are tried out; it disappears with the transaction.
CREATE SCHEMA vigil_rehearsal
