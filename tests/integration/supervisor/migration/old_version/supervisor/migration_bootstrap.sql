-- Create the history and its two functions, or add what an older history lacks; runs under the migration lock.
CREATE TABLE IF NOT EXISTS migration_history (
    id             BIGSERIAL   PRIMARY KEY,
    migration_name TEXT        NOT NULL UNIQUE,
    applied_at     TIMESTAMPTZ NOT NULL DEFAULT now(),
    status         TEXT        NOT NULL DEFAULT 'success',
    error_message  TEXT
);
ALTER TABLE migration_history
    ADD COLUMN IF NOT EXISTS checksum    TEXT,
    ADD COLUMN IF NOT EXISTS duration_ms INTEGER,
    ADD COLUMN IF NOT EXISTS applied_by  TEXT,
    ADD COLUMN IF NOT EXISTS app_version TEXT,
    ADD COLUMN IF NOT EXISTS attempts    INTEGER NOT NULL DEFAULT 1;

CREATE OR REPLACE FUNCTION migration_already_applied(p_migration_name TEXT) RETURNS BOOLEAN
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM migration_history
         WHERE migration_name = p_migration_name AND status IN ('success', 'backfilled')
    )
$$;

-- What succeeded stays a success: a late failure report of another process cannot undo it.
CREATE OR REPLACE FUNCTION record_migration(
    p_migration_name TEXT, p_status TEXT DEFAULT 'success', p_error_message TEXT DEFAULT NULL
) RETURNS VOID
LANGUAGE sql AS $$
    INSERT INTO migration_history AS history (migration_name, status, error_message)
    VALUES (p_migration_name, p_status, p_error_message)
    ON CONFLICT (migration_name) DO UPDATE
       SET status = excluded.status,
           error_message = excluded.error_message,
           applied_at = now(),
           attempts = history.attempts + 1
     WHERE history.status NOT IN ('success', 'backfilled')
$$;
