-- Whether the index is whole (true), half built (false), or not there (NULL).
SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = to_regclass($1::text)
