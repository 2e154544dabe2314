-- The lock completed: the timeline in the token, the beacon, a break by the operator, notes of terms that ended by
-- themselves, and a way past writers of an old term. What older builds call keeps its name and its meaning.
--
--   lock_claim ──▶ epoch + 1, lease held, beacon taken     lock_beacon ─▶ the same term on a new session
--   lock_break ──▶ lease broken, NOTIFY                    lock_note ───▶ a demotion or a fencing in the event log
--
-- Invariants: a token (timeline, epoch) is given out once, even when a promoted standby has lost the last epochs;
-- session_lost is claimed only when this database sees a beacon that was taken and is free.

ALTER TABLE lock_epoch ADD COLUMN timeline bigint NOT NULL DEFAULT 0;
ALTER TABLE lock_events ADD COLUMN timeline bigint NOT NULL DEFAULT 0;
ALTER TABLE lock_heartbeat ADD COLUMN timeline bigint NOT NULL DEFAULT 0;
-- Whether the holder's session holds the beacon: a lease without one says nothing by its beacon being free.
ALTER TABLE lock_heartbeat ADD COLUMN beacon boolean NOT NULL DEFAULT false;
ALTER TABLE lock_heartbeat DROP CONSTRAINT lock_heartbeat_state_check;
ALTER TABLE lock_heartbeat ADD CONSTRAINT lock_heartbeat_state_check CHECK (state IN ('held', 'free', 'broken')) NOT VALID;
ALTER TABLE lock_heartbeat VALIDATE CONSTRAINT lock_heartbeat_state_check;

-- The timeline this server writes on. pg_control_checkpoint() would still show the old one right after a promotion.
CREATE FUNCTION lock_timeline() RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint;
EXCEPTION WHEN object_not_in_prerequisite_state OR feature_not_supported THEN
    -- Servers without a log of their own (Aurora): their storage is one, so a promotion loses no epoch either.
    RETURN 0;
END $$;

-- First 8 bytes of SHA-256 of 'beacon:<lock_key>:<epoch>', as a signed bigint. A key of its own for each term: what a
-- zombie still holds blocks nobody.
CREATE FUNCTION lock_beacon_key(p_lock_key bigint, p_epoch bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ('x' || encode(substring(sha256(convert_to('beacon:' || p_lock_key::text || ':' || p_epoch::text, 'UTF8'))
                                    FROM 1 FOR 8), 'hex'))::bit(64)::bigint
$$;

-- The sessions that hold a one-argument advisory lock of this database.
CREATE FUNCTION lock_holders(p_advisory_key bigint, p_mode text) RETURNS SETOF integer
LANGUAGE sql STABLE AS $$
    SELECT pid FROM pg_locks
     WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND mode = p_mode
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND ((classid::bigint << 32) | objid::bigint) = p_advisory_key
$$;

-- Begin a term; won_epoch is NULL when the lease is not what the caller saw. p_reason: free | self | stale | session_lost.
-- quarantined: the holder before may not be gone yet, so what it had begun outside is left alone for a lease.
-- The wait for writers of the old term is bounded here, whoever calls: a waiting claim keeps new writers out.
CREATE FUNCTION lock_claim(p_lock_key bigint, p_instance_id text, p_lease_ms integer, p_seen_epoch bigint,
                           p_seen_beat bigint, p_reason text, p_beacon boolean,
                           OUT won_epoch bigint, OUT won_timeline bigint, OUT quarantined boolean)
LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
    lease   lock_heartbeat;
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
        IF (lease.epoch, lease.beat) IS DISTINCT FROM (p_seen_epoch, p_seen_beat) THEN RETURN; END IF;
        -- Whatever is not surely true, an unknown or missing reason too, is no reason. The beacon stays excluded until
        -- the commit: a holder that comes back meanwhile does not get it.
        IF (CASE p_reason WHEN 'self' THEN lease.instance_id = p_instance_id
                          WHEN 'stale' THEN lease.expires_at < clock_timestamp()
                          WHEN 'session_lost' THEN lease.beacon
                               AND pg_try_advisory_xact_lock(lock_beacon_key(p_lock_key, lease.epoch))
            END) IS NOT TRUE THEN
            RETURN;
        END IF;
    END IF;

    PERFORM pg_advisory_xact_lock(lock_fence_key(p_lock_key));
    UPDATE lock_epoch SET epoch = epoch + 1, timeline = lock_timeline() WHERE lock_key = p_lock_key
    RETURNING epoch, timeline INTO STRICT won_epoch, won_timeline;
    UPDATE lock_heartbeat
       SET instance_id = p_instance_id, epoch = won_epoch, timeline = won_timeline, state = 'held', beat = 0, beacon = p_beacon
     WHERE lock_key = p_lock_key;

    kind := CASE WHEN lease.state = 'free' AND won_epoch = 1 THEN 'first'
                 WHEN lease.state <> 'held' THEN 'handover'
                 WHEN lease.instance_id = p_instance_id THEN 'reclaim'
                 ELSE 'takeover' END;
    INSERT INTO lock_events (lock_key, epoch, timeline, instance_id, kind, reason)
    VALUES (p_lock_key, won_epoch, won_timeline, p_instance_id, kind,
            CASE WHEN lease.state = 'held' THEN p_reason ELSE lease.state END);
    -- Whoever followed on a holder that may live leaves the doubt to the next one, for as long as a lease.
    quarantined := EXISTS (SELECT FROM lock_events e
                            WHERE e.lock_key = p_lock_key AND e.at > clock_timestamp() - make_interval(secs => p_lease_ms / 1000.0)
                              AND (e.kind = 'break' OR e.reason = 'session_lost'));

    -- The claim proves the heartbeat: a build whose renew is broken can never take over. The row is believed, not the
    -- answer: a renew that says yes and does nothing is broken too.
    -- Two statements: in one, the row would be read from a snapshot taken before the renew.
    renewed := lock_renew(p_lock_key, p_instance_id, won_epoch, p_lease_ms);
    IF renewed IS NOT TRUE
       OR NOT EXISTS (SELECT FROM lock_heartbeat WHERE lock_key = p_lock_key AND epoch = won_epoch AND beat > 0
                                                   AND expires_at > clock_timestamp()) THEN
        RAISE EXCEPTION 'claim refused: lock_renew does not renew' USING ERRCODE = 'VG004';
    END IF;
    -- Last: a session lock outlives the rollback of a claim that fails after it.
    IF p_beacon AND NOT pg_try_advisory_lock(lock_beacon_key(p_lock_key, won_epoch)) THEN
        RAISE EXCEPTION 'claim refused: the beacon of epoch % is taken already', won_epoch USING ERRCODE = 'VG006';
    END IF;
    -- The renew turned it off for this transaction; an epoch lost in a crash would be given out twice.
    PERFORM set_config('synchronous_commit', 'on', true);
    PERFORM pg_notify('vigil_lock', 'claimed ' || won_epoch);
END $$;

-- What builds before the beacon call.
CREATE OR REPLACE FUNCTION lock_claim(p_lock_key bigint, p_instance_id text, p_lease_ms integer,
                                      p_seen_epoch bigint, p_seen_beat bigint, p_reason text) RETURNS bigint
LANGUAGE sql SET lock_timeout = '2s' AS $$
    SELECT won_epoch FROM lock_claim(p_lock_key, p_instance_id, p_lease_ms, p_seen_epoch, p_seen_beat, p_reason, false)
$$;

-- Take the beacon of our own term on this connection; false: not yet, ask again. p_former are the sessions of the term
-- before it: ours, dead to us, perhaps not yet to the server; one is ended only if it still holds this very beacon.
CREATE FUNCTION lock_beacon(p_lock_key bigint, p_instance_id text, p_epoch bigint, p_former integer[]) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    own_key bigint := lock_beacon_key(p_lock_key, p_epoch);
BEGIN
    IF NOT pg_try_advisory_lock(own_key) THEN
        PERFORM pg_terminate_backend(pid) FROM lock_holders(own_key, 'ExclusiveLock') AS pid
          WHERE pid = ANY (p_former) AND pid <> pg_backend_pid();
        RETURN false;
    END IF;
    -- A beat as well: a session_lost claim that is on its way since before finds the lease not as seen, even if this
    -- session is lost again at once.
    UPDATE lock_heartbeat SET beacon = true, beat = beat + 1
     WHERE lock_key = p_lock_key AND instance_id = p_instance_id AND epoch = p_epoch AND state = 'held';
    IF NOT FOUND THEN
        PERFORM pg_advisory_unlock(own_key);
        RETURN false;
    END IF;
    RETURN true;
END $$;

-- End the sessions that still write under an old term, if the lease is what the caller saw; how many. A claim that has
-- waited for them past its lock_timeout asks for this: exactly the holders of the fence, and only those that have been
-- in their transaction for as long as such a wait lasts; a writer of a term that has just begun is none of them.
CREATE FUNCTION lock_end_writers(p_lock_key bigint, p_seen_epoch bigint, p_seen_beat bigint) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    ended integer;
BEGIN
    -- Without a lock: another claim may hold the row for as long as it waits for those very writers.
    PERFORM FROM lock_heartbeat
      WHERE lock_key = p_lock_key AND (state <> 'held' OR (epoch, beat) = (p_seen_epoch, p_seen_beat));
    IF NOT FOUND THEN RETURN 0; END IF;
    SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) INTO ended
      FROM lock_holders(lock_fence_key(p_lock_key), 'ShareLock') AS pid JOIN pg_stat_activity USING (pid)
     WHERE xact_start < clock_timestamp() - interval '1 second';
    RETURN ended;
EXCEPTION WHEN insufficient_privilege THEN
    -- Sessions of another role: they are waited for.
    RETURN 0;
END $$;

-- The operator ends a term that was seen at p_epoch; false: it is another one by now, or nobody holds the lease.
CREATE FUNCTION lock_break(p_lock_key bigint, p_epoch bigint) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
    lease lock_heartbeat;
BEGIN
    UPDATE lock_heartbeat SET state = 'broken', expires_at = clock_timestamp()
     WHERE lock_key = p_lock_key AND epoch = p_epoch AND state = 'held' RETURNING * INTO lease;
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO lock_events (lock_key, epoch, timeline, instance_id, kind, reason)
    VALUES (p_lock_key, p_epoch, lease.timeline, lease.instance_id, 'break', 'operator');
    PERFORM pg_notify('vigil_lock', 'broken ' || p_epoch);
    RETURN true;
END $$;

-- Write down, once, how a term of ours ended without a release: p_kind demotion or fencing.
CREATE FUNCTION lock_note(p_lock_key bigint, p_instance_id text, p_epoch bigint, p_kind text, p_reason text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF p_kind NOT IN ('demotion', 'fencing') THEN
        RAISE EXCEPTION 'note refused: % is neither demotion nor fencing', p_kind USING ERRCODE = '22023';
    END IF;
    INSERT INTO lock_events (lock_key, epoch, timeline, instance_id, kind, reason)
    SELECT lock_key, epoch, timeline, instance_id, p_kind, p_reason FROM lock_events term
     WHERE term.lock_key = p_lock_key AND term.epoch = p_epoch AND term.instance_id = p_instance_id
       AND term.kind IN ('first', 'handover', 'takeover', 'reclaim')
       AND NOT EXISTS (SELECT FROM lock_events WHERE lock_key = p_lock_key AND epoch = p_epoch
                                                 AND kind IN ('demotion', 'fencing'));
    RETURN FOUND;
END $$;

-- Let this transaction write to fenced tables, if (p_timeline, p_epoch) is the current token. As lock_fence(key, epoch),
-- which stays for older builds and compares the epoch alone.
CREATE FUNCTION lock_fence(p_lock_key bigint, p_epoch bigint, p_timeline bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'fence needs READ COMMITTED, found %', current_setting('transaction_isolation')
            USING ERRCODE = 'VG002';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(lock_fence_key(p_lock_key));
    PERFORM FROM lock_epoch WHERE lock_key = p_lock_key AND epoch = p_epoch AND timeline = p_timeline;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'fenced: epoch % of timeline % is not the current one', p_epoch, p_timeline
            USING ERRCODE = 'VG001';
    END IF;
    PERFORM set_config('vigil.fence', p_lock_key || ':' || p_epoch || ':' || p_timeline, true);
END $$;

CREATE OR REPLACE FUNCTION lock_fenced() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    fence text[] := string_to_array(nullif(current_setting('vigil.fence', true), ''), ':');
BEGIN
    IF fence IS NULL THEN
        RAISE EXCEPTION 'unfenced % on %', lower(TG_OP), TG_TABLE_NAME USING ERRCODE = 'VG001';
    ELSIF fence[3] IS NULL THEN
        PERFORM lock_fence(fence[1]::bigint, fence[2]::bigint);
    ELSE
        PERFORM lock_fence(fence[1]::bigint, fence[2]::bigint, fence[3]::bigint);
    END IF;
    IF TG_LEVEL = 'STATEMENT' THEN RETURN NULL; END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;
