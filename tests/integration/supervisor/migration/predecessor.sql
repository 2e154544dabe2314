-- A database as the predecessor left it: its history of five columns, and tables that bear names of ours.
CREATE TABLE migration_history (
    id             BIGSERIAL   PRIMARY KEY,
    migration_name TEXT        NOT NULL UNIQUE,
    applied_at     TIMESTAMPTZ NOT NULL DEFAULT now(),
    status         TEXT        NOT NULL DEFAULT 'success',
    error_message  TEXT
);
INSERT INTO migration_history (migration_name) SELECT format('%s_migration', lpad(n::text, 3, '0')) FROM generate_series(1, 12) AS n;
CREATE FUNCTION migration_already_applied(p_migration_name TEXT) RETURNS BOOLEAN LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM migration_history WHERE migration_name = p_migration_name AND status = 'success');
END $$;
CREATE FUNCTION record_migration(p_migration_name TEXT, p_status TEXT, p_error_message TEXT) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO migration_history (migration_name, status, error_message)
    VALUES (p_migration_name, p_status, p_error_message) ON CONFLICT (migration_name) DO NOTHING;
END $$;
CREATE TABLE lock_heartbeat (
    lock_key       BIGINT      PRIMARY KEY,
    instance_id    TEXT        NOT NULL,
    last_heartbeat TIMESTAMPTZ NOT NULL DEFAULT now(),
    acquired_at    TIMESTAMPTZ NOT NULL DEFAULT now()
);
INSERT INTO lock_heartbeat (lock_key, instance_id) VALUES (42, 'pod-1');
CREATE FUNCTION update_lock_heartbeat(p_lock_key BIGINT, p_instance_id TEXT) RETURNS VOID LANGUAGE sql AS $$
    UPDATE lock_heartbeat SET last_heartbeat = now() WHERE lock_key = p_lock_key AND instance_id = p_instance_id
$$;
CREATE FUNCTION is_lock_stale(p_lock_key BIGINT, p_stale_seconds INTEGER) RETURNS BOOLEAN LANGUAGE sql AS $$
    SELECT now() - last_heartbeat > make_interval(secs => p_stale_seconds) FROM lock_heartbeat WHERE lock_key = p_lock_key
$$;
CREATE TABLE users (
    id         BIGINT      PRIMARY KEY,
    balance    NUMERIC     DEFAULT 0,
    username   TEXT,
    role       TEXT        DEFAULT 'user',
    locale     TEXT        DEFAULT 'ru',
    created_at TIMESTAMPTZ DEFAULT now()
);
INSERT INTO users (id, balance, username) VALUES (1, 120.50, 'one'), (2, 0, 'two');
CREATE TABLE payments (
    payment_id TEXT PRIMARY KEY,
    user_id    BIGINT,
    amount     NUMERIC,
    status     TEXT DEFAULT 'pending'
);
INSERT INTO payments VALUES ('p-1', 1, 120.50, 'approved');
