-- Users and the double-entry ledger. Amounts are integers in milli-credits.
--
--   welcome:  promotion −a, available +a          hold:    available −a, held +a
--   charge:   held −a, revenue +a                 release: held −a, available +a
--
-- Invariants, held by the database whatever the program does: the entries of a transaction sum to zero; no user
-- account is below zero; nothing posted is changed, removed or added to; a hold is resolved once, by a transaction of
-- its kind; what a user's account `held` shows is the sum of the open holds.

CREATE TABLE users (
    id             bigint      PRIMARY KEY,
    language       text        NOT NULL CHECK (language IN ('ru', 'en')),
    created_at     timestamptz NOT NULL DEFAULT now(),
    unreachable_at timestamptz
);
SELECT lock_fence_table('users');

CREATE TABLE ledger_account (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint REFERENCES users (id),
    name    text   NOT NULL,
    -- Only users have a running balance: a system account would be one hot row, so it is summed when asked for.
    balance bigint,
    CHECK ((user_id IS NULL) = (balance IS NULL)),
    CHECK (user_id IS NULL OR name IN ('available', 'held')),
    CHECK (user_id IS NOT NULL OR name IN ('promotion', 'revenue', 'topup', 'grant', 'adjust')),
    CONSTRAINT ledger_account_never_below_zero CHECK (balance >= 0),
    UNIQUE NULLS NOT DISTINCT (user_id, name)
);
-- Before the fence: a migration stands outside any term.
INSERT INTO ledger_account (name) VALUES ('promotion'), ('revenue'), ('topup'), ('grant'), ('adjust');
SELECT lock_fence_table('ledger_account');

CREATE TABLE ledger_transaction (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            text        NOT NULL CHECK (kind IN ('welcome', 'topup', 'hold', 'charge', 'release', 'refund',
                                                         'referral', 'grant', 'adjust')),
    idempotency_key text        NOT NULL UNIQUE,
    request_hash    bytea       NOT NULL,
    posted_at       timestamptz NOT NULL DEFAULT now(),
    -- Entries come in the transaction that posts, never later: a balanced pair added afterwards would rewrite history.
    posted_in       xid8        NOT NULL DEFAULT pg_current_xact_id()
);
SELECT lock_fence_table('ledger_transaction');

CREATE TABLE ledger_entry (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id bigint NOT NULL REFERENCES ledger_transaction (id),
    account_id     bigint NOT NULL REFERENCES ledger_account (id),
    amount         bigint NOT NULL CHECK (amount <> 0)
);
CREATE INDEX ledger_entry_by_transaction ON ledger_entry (transaction_id);
CREATE INDEX ledger_entry_by_account ON ledger_entry (account_id, id);
SELECT lock_fence_table('ledger_entry');

CREATE TABLE ledger_hold (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     bigint      NOT NULL REFERENCES users (id),
    amount      bigint      NOT NULL CHECK (amount > 0),
    state       text        NOT NULL DEFAULT 'held' CHECK (state IN ('held', 'charged', 'released')),
    opened_by   bigint      NOT NULL UNIQUE REFERENCES ledger_transaction (id),
    resolved_by bigint      UNIQUE REFERENCES ledger_transaction (id),
    expires_at  timestamptz NOT NULL,
    CHECK ((state = 'held') = (resolved_by IS NULL))
);
CREATE INDEX ledger_hold_open ON ledger_hold (expires_at) WHERE state = 'held';
CREATE INDEX ledger_hold_open_by_user ON ledger_hold (user_id) WHERE state = 'held';
SELECT lock_fence_table('ledger_hold');

CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %: what is posted is never changed; post a correcting transaction', lower(TG_OP), TG_TABLE_NAME
        USING ERRCODE = 'VG003';
END $$;
CREATE TRIGGER b_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transaction
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER b_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();

CREATE FUNCTION ledger_apply_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM ledger_transaction WHERE id = NEW.transaction_id AND posted_in = pg_current_xact_id();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'ledger transaction % is posted already: no entry can be added', NEW.transaction_id
            USING ERRCODE = 'VG003';
    END IF;
    UPDATE ledger_account SET balance = balance + NEW.amount WHERE id = NEW.account_id AND user_id IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entry_applied AFTER INSERT ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION ledger_apply_entry();

-- A balance follows from entries; a direct UPDATE would make the two disagree. Depth 1 is a direct statement.
CREATE FUNCTION ledger_account_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'an account changes only by entries' USING ERRCODE = 'VG003';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER b_only_by_entries BEFORE UPDATE ON ledger_account
    FOR EACH ROW EXECUTE FUNCTION ledger_account_guard();
CREATE TRIGGER b_opens_empty BEFORE INSERT ON ledger_account
    FOR EACH ROW WHEN (NEW.balance <> 0) EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER b_append_only BEFORE DELETE OR TRUNCATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();

-- At commit: two entries or more, summing to zero.
CREATE FUNCTION ledger_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    transaction bigint := CASE TG_TABLE_NAME WHEN 'ledger_entry' THEN (to_jsonb(NEW) ->> 'transaction_id')::bigint
                                             ELSE NEW.id END;
    entries     bigint;
    total       numeric;
BEGIN
    SELECT count(*), coalesce(sum(amount), 0) INTO entries, total FROM ledger_entry WHERE transaction_id = transaction;
    IF entries < 2 OR total <> 0 THEN
        RAISE EXCEPTION 'ledger transaction % has % entries that sum to %', transaction, entries, total
            USING ERRCODE = 'VG003';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_entry_balanced AFTER INSERT ON ledger_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_balanced();
CREATE CONSTRAINT TRIGGER ledger_transaction_balanced AFTER INSERT ON ledger_transaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_balanced();

-- Only an open hold may change: to be resolved, once, by a transaction of that kind, or to expire later.
CREATE FUNCTION ledger_hold_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'held'
       OR (NEW.id, NEW.user_id, NEW.amount, NEW.opened_by) IS DISTINCT FROM (OLD.id, OLD.user_id, OLD.amount, OLD.opened_by) THEN
        RAISE EXCEPTION 'hold % is %: it is resolved once, and who and how much never change', OLD.id, OLD.state
            USING ERRCODE = 'VG003';
    END IF;
    IF NEW.state <> 'held' AND NOT EXISTS (
        SELECT FROM ledger_transaction
         WHERE id = NEW.resolved_by AND kind = CASE NEW.state WHEN 'charged' THEN 'charge' ELSE 'release' END) THEN
        RAISE EXCEPTION 'hold % cannot be % by transaction %: it is of another kind', OLD.id, NEW.state, NEW.resolved_by
            USING ERRCODE = 'VG003';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER b_resolved_once BEFORE UPDATE ON ledger_hold
    FOR EACH ROW EXECUTE FUNCTION ledger_hold_once();
CREATE TRIGGER b_append_only BEFORE DELETE OR TRUNCATE ON ledger_hold
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();

-- At commit: a user's account `held` and the open holds say the same. Both writers lock the account's row first.
CREATE FUNCTION ledger_held_is_holds() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held  bigint;
    holds numeric;
BEGIN
    SELECT balance INTO held FROM ledger_account WHERE user_id = NEW.user_id AND name = 'held';
    SELECT coalesce(sum(amount), 0) INTO holds FROM ledger_hold WHERE user_id = NEW.user_id AND state = 'held';
    IF coalesce(held, 0) <> holds THEN
        RAISE EXCEPTION 'user % has % on hold, the open holds say %', NEW.user_id, held, holds USING ERRCODE = 'VG003';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_hold_covered AFTER INSERT OR UPDATE ON ledger_hold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_held_is_holds();
CREATE CONSTRAINT TRIGGER ledger_account_held_covered AFTER UPDATE ON ledger_account
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.name = 'held') EXECUTE FUNCTION ledger_held_is_holds();
