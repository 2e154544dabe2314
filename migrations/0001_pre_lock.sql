-- The lease row, the epoch, the event log of the lock, and the fence that every other table stands behind.
--
--   lock_claim ──▶ epoch + 1, lease held        lock_renew ──▶ beat + 1, lease longer
--   lock_release ─▶ lease free, NOTIFY          lock_fence ──▶ this transaction may write, if its epoch is current
--
-- Invariants: epochs only grow; a row written under epoch e commits before epoch e + 1 exists, or never
-- (a fenced writer holds the fence lock shared until it ends, a claim takes it exclusively).

CREATE TABLE lock_epoch (
    lock_key bigint PRIMARY KEY,
    epoch    bigint NOT NULL CHECK (epoch >= 0)
);
-- One bot a schema: the fenced tables bear no lock key, so a second key would let two terms write side by side.
CREATE UNIQUE INDEX lock_epoch_only_one ON lock_epoch ((true));

CREATE TABLE lock_heartbeat (
    lock_key    bigint      PRIMARY KEY,
    instance_id text,
    epoch       bigint      NOT NULL,
    state       text        NOT NULL CHECK (state IN ('held', 'free')),
    beat        bigint      NOT NULL,
    renewed_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    backend_pid integer,
    CHECK (state = 'free' OR instance_id IS NOT NULL)
) WITH (fillfactor = 50);

CREATE TABLE lock_events (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lock_key    bigint      NOT NULL,
    epoch       bigint      NOT NULL,
    instance_id text        NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('first', 'handover', 'takeover', 'reclaim', 'release', 'demotion',
                                                     'fencing', 'break')),
    reason      text        NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX lock_events_by_time ON lock_events (lock_key, at);
-- A second guard for "one holder each": two terms can never be recorded under one epoch.
CREATE UNIQUE INDEX lock_events_one_term_an_epoch ON lock_events (lock_key, epoch)
    WHERE kind IN ('first', 'handover', 'takeover', 'reclaim');

-- First 8 bytes of SHA-256 of 'fence:<lock_key>', as a signed bigint: the one-argument advisory lock space.
CREATE FUNCTION lock_fence_key(p_lock_key bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ('x' || encode(substring(sha256(convert_to('fence:' || p_lock_key::text, 'UTF8')) FROM 1 FOR 8), 'hex'))
           ::bit(64)::bigint
$$;

-- Renew the lease of exactly this holder and epoch. The commit need not wait for the disk: a lost beat only ends the
-- lease earlier.
CREATE FUNCTION lock_renew(p_lock_key bigint, p_instance_id text, p_epoch bigint, p_lease_ms integer) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE lock_heartbeat
       SET beat = beat + 1,
           renewed_at = clock_timestamp(),
           expires_at = clock_timestamp() + make_interval(secs => p_lease_ms / 1000.0),
           backend_pid = pg_backend_pid()
     WHERE lock_key = p_lock_key AND instance_id = p_instance_id AND epoch = p_epoch AND state = 'held';
    RETURN FOUND;
END $$;

-- Begin a term; NULL when the lease is not what the caller saw. p_reason: free | stale | self.
-- The wait for writers of the old term is bounded here, whoever calls: a waiting claim keeps new writers out.
CREATE FUNCTION lock_claim(p_lock_key bigint, p_instance_id text, p_lease_ms integer,
                           p_seen_epoch bigint, p_seen_beat bigint, p_reason text) RETURNS bigint
LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
    lease   lock_heartbeat;
    won     bigint;
    kind    text;
    renewed boolean;
BEGIN
    INSERT INTO lock_epoch VALUES (p_lock_key, 0) ON CONFLICT DO NOTHING;
    PERFORM FROM lock_epoch WHERE lock_key = p_lock_key;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'claim refused: this database belongs to another bot' USING ERRCODE = 'VG005';
    END IF;
    INSERT INTO lock_heartbeat (lock_key, epoch, state, beat, renewed_at, expires_at)
    VALUES (p_lock_key, 0, 'free', 0, clock_timestamp(), clock_timestamp()) ON CONFLICT DO NOTHING;

    SELECT * INTO STRICT lease FROM lock_heartbeat WHERE lock_key = p_lock_key FOR UPDATE;
    IF lease.state = 'held' THEN
        IF (lease.epoch, lease.beat) IS DISTINCT FROM (p_seen_epoch, p_seen_beat) THEN RETURN NULL; END IF;
        -- Whatever is not surely true, an unknown or missing reason too, is no reason.
        IF (CASE p_reason WHEN 'self' THEN lease.instance_id = p_instance_id
                          WHEN 'stale' THEN lease.expires_at < clock_timestamp() END) IS NOT TRUE THEN
            RETURN NULL;
        END IF;
    END IF;

    PERFORM pg_advisory_xact_lock(lock_fence_key(p_lock_key));
    UPDATE lock_epoch SET epoch = epoch + 1 WHERE lock_key = p_lock_key RETURNING epoch INTO STRICT won;
    UPDATE lock_heartbeat SET instance_id = p_instance_id, epoch = won, state = 'held', beat = 0 WHERE lock_key = p_lock_key;

    kind := CASE WHEN lease.state = 'free' AND won = 1 THEN 'first'
                 WHEN lease.state = 'free' THEN 'handover'
                 WHEN lease.instance_id = p_instance_id THEN 'reclaim'
                 ELSE 'takeover' END;
    INSERT INTO lock_events (lock_key, epoch, instance_id, kind, reason)
    VALUES (p_lock_key, won, p_instance_id, kind, CASE WHEN lease.state = 'free' THEN 'free' ELSE p_reason END);

    -- The claim proves the heartbeat: a build whose renew is broken can never take over. The row is believed, not the
    -- answer: a renew that says yes and does nothing is broken too.
    -- Two statements: in one, the row would be read from a snapshot taken before the renew.
    renewed := lock_renew(p_lock_key, p_instance_id, won, p_lease_ms);
    IF renewed IS NOT TRUE
       OR NOT EXISTS (SELECT FROM lock_heartbeat WHERE lock_key = p_lock_key AND epoch = won AND beat > 0
                                                   AND expires_at > clock_timestamp()) THEN
        RAISE EXCEPTION 'claim refused: lock_renew does not renew' USING ERRCODE = 'VG004';
    END IF;
    -- The renew turned it off for this transaction; an epoch lost in a crash would be given out twice.
    PERFORM set_config('synchronous_commit', 'on', true);
    PERFORM pg_notify('vigil_lock', 'claimed ' || won);
    RETURN won;
END $$;

-- End a term: the lease is free, and whoever listens may claim at once.
CREATE FUNCTION lock_release(p_lock_key bigint, p_instance_id text, p_epoch bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE lock_heartbeat
       SET state = 'free', instance_id = NULL, backend_pid = NULL, expires_at = clock_timestamp()
     WHERE lock_key = p_lock_key AND instance_id = p_instance_id AND epoch = p_epoch AND state = 'held';
    IF NOT FOUND THEN RETURN false; END IF;
    PERFORM set_config('synchronous_commit', 'on', true);
    INSERT INTO lock_events (lock_key, epoch, instance_id, kind, reason)
    VALUES (p_lock_key, p_epoch, p_instance_id, 'release', 'planned');
    PERFORM pg_notify('vigil_lock', 'released ' || p_epoch);
    RETURN true;
END $$;

-- Let this transaction write to fenced tables, if p_epoch is the current one. The lock and the check are two
-- statements on purpose: in one, the check would read a snapshot taken before the lock was granted.
CREATE FUNCTION lock_fence(p_lock_key bigint, p_epoch bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'fence needs READ COMMITTED, found %', current_setting('transaction_isolation')
            USING ERRCODE = 'VG002';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(lock_fence_key(p_lock_key));
    PERFORM FROM lock_epoch WHERE lock_key = p_lock_key AND epoch = p_epoch;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'fenced: epoch % is not the current one', p_epoch USING ERRCODE = 'VG001';
    END IF;
    PERFORM set_config('vigil.fence', p_lock_key || ':' || p_epoch, true);
END $$;

-- BEFORE trigger of every fenced table. It repeats the check, so that a setting made by hand passes no stale write.
CREATE FUNCTION lock_fenced() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    fence text := current_setting('vigil.fence', true);
BEGIN
    IF fence IS NULL OR fence = '' THEN
        RAISE EXCEPTION 'unfenced % on %', lower(TG_OP), TG_TABLE_NAME USING ERRCODE = 'VG001';
    END IF;
    PERFORM lock_fence(split_part(fence, ':', 1)::bigint, split_part(fence, ':', 2)::bigint);
    IF TG_LEVEL = 'STATEMENT' THEN RETURN NULL; END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;

-- Put a table behind the fence.
CREATE FUNCTION lock_fence_table(p_table regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER a_fenced BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION lock_fenced()', p_table);
END $$;

-- The predecessor's call, kept: it renews for the true holder only, from the holder's own connection.
CREATE FUNCTION update_lock_heartbeat(p_lock_key bigint, p_instance_id text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    lease lock_heartbeat;
BEGIN
    SELECT * INTO lease FROM lock_heartbeat
     WHERE lock_key = p_lock_key AND instance_id = p_instance_id AND state = 'held' AND backend_pid = pg_backend_pid();
    IF NOT FOUND THEN RETURN false; END IF;
    RETURN lock_renew(p_lock_key, p_instance_id, lease.epoch,
                      (extract(epoch FROM lease.expires_at - lease.renewed_at) * 1000)::integer);
END $$;

-- The predecessor's reading helper, kept; it decides nothing.
CREATE FUNCTION is_lock_stale(p_lock_key bigint, p_stale_seconds integer) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT state <> 'held' OR renewed_at < clock_timestamp() - make_interval(secs => p_stale_seconds)
                       FROM lock_heartbeat WHERE lock_key = p_lock_key), true)
$$;

-- What this database was given once and every instance shares: the bot's identity, the webhook's secrets.
CREATE TABLE generated_setting (
    name       text        PRIMARY KEY,
    value      text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
