-- Whether the history and its functions are there in their present form.
SELECT coalesce(
    to_regprocedure('migration_already_applied(text)') IS NOT NULL
    AND to_regprocedure('record_migration(text, text, text)') IS NOT NULL
    AND EXISTS (
        SELECT FROM pg_attribute
         WHERE attrelid = to_regclass('migration_history') AND attname = 'attempts' AND NOT attisdropped
    ),
    false
)
