-- The whole catalogue: what files, media, late results, accounts, dialogs and routing keep beside what stands already.
-- One section a noun, each begun by its name; a section changes no table of another.

-- ledger, its totals: what was posted by kind, written with it. As many rows a kind as ever posted at once: nobody waits
-- for another's. History is counted here, before anything is locked: everybody goes on posting meanwhile. What this does
-- not see, because it was not committed by now, is added below, once nobody posts.
CREATE TABLE ledger_rollup (
    id      bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind    text    NOT NULL,
    posts   bigint  NOT NULL,
    -- Milli-credits that were moved: of a charge, what was earned.
    credits numeric NOT NULL
) WITH (fillfactor = 50);
SELECT set_config('vigil.counted', pg_current_snapshot()::text, true);
INSERT INTO ledger_rollup (kind, posts, credits)
SELECT kind, count(*), sum(abs(entry.amount))
  FROM ledger_transaction AS posted
  JOIN ledger_entry AS entry ON entry.transaction_id = posted.id
  JOIN ledger_account AS account ON account.id = entry.account_id
 WHERE account.name = CASE kind WHEN 'charge' THEN 'revenue' ELSE 'available' END
   AND pg_visible_in_snapshot(posted_in, (SELECT current_setting('vigil.counted')::pg_snapshot))
 GROUP BY kind;

-- generation: the files it takes, what it brings, and a success that comes after the credits went back.
ALTER TABLE generation
    -- How many of the user's files the provider does not have yet: nothing is ordered before there are none.
    ADD COLUMN missing integer NOT NULL DEFAULT 0,
    -- Where the provider has them, by Telegram's id of the file: a step that is taken again uploads nothing twice.
    ADD COLUMN uploads json;

-- What a generation brought, in order: a file that lies at `url`, or text. A file that is larger than Telegram takes has
-- no size: its link is what is sent. `file_id`: under which Telegram has it, once it is sent, and only as `sent_as`.
CREATE TABLE generation_result (
    generation_id bigint  NOT NULL REFERENCES generation (id),
    place         integer NOT NULL CHECK (place >= 0),
    kind          text    NOT NULL,
    size          bigint  CHECK (size > 0),
    url           text,
    content       text,
    file_id       text,
    sent_as       text,
    PRIMARY KEY (generation_id, place),
    CHECK ((url IS NULL) <> (content IS NULL))
);
SELECT lock_fence_table('generation_result');

-- Work whose credits went back while the provider may still finish it: what comes after all is given away. Its generation
-- stays `released`, and so does its hold: nothing here can charge.
--
--   awaited ── found ──▶ sent ──▶ delivered
--      └── too late ──────┴─────▶ ended
CREATE TABLE generation_late (
    generation_id bigint      PRIMARY KEY REFERENCES generation (id),
    state         text        NOT NULL DEFAULT 'awaited' CHECK (state IN ('awaited', 'sent', 'delivered', 'ended')),
    next_look_at  timestamptz NOT NULL,
    until         timestamptz NOT NULL
);
CREATE INDEX generation_late_due ON generation_late (next_look_at) WHERE state IN ('awaited', 'sent');
SELECT lock_fence_table('generation_late');

-- dialog: where somebody is in a chat, between one message and the next.
CREATE TABLE dialog (
    chat_id       bigint      NOT NULL,
    user_id       bigint      NOT NULL REFERENCES users (id),
    -- None in the menu.
    model_id      text,
    -- What is given so far; json, not jsonb: a text may hold \u0000.
    inputs        json        NOT NULL DEFAULT '{}',
    -- The input that the next message answers; none when nothing is asked.
    asked         text,
    -- The quote that the answer changes.
    generation_id bigint,
    -- The album that the last file came in: its other files follow as messages of their own.
    album         text,
    -- How its model was found, when nobody has chosen it: what was sent, and why it led there.
    routed        text,
    -- The message that shows it, as the outbox knows it. No reference: the outbox need not keep it for this.
    message       bigint,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (chat_id, user_id)
);
CREATE INDEX dialog_by_age ON dialog (updated_at);
SELECT lock_fence_table('dialog');

-- ledger: every movement is one call, and its rules are checked once: when its entries are written, and at commit.
--
--   entries  ─ one statement ─▶ they are all of one transaction, sum to zero, belong to one user, and go the way of
--                               their kind; then, and only then, the balances and the totals follow
--   commit   ─────────────────▶ a transaction has its entries; what moves held credits opens or ends exactly one hold
--   a hold   ─────────────────▶ begins with the transaction that holds its amount, ends with one that resolves all of it
--
-- So what an account `held` shows is the sum of the user's open holds, without being summed at every commit.

-- Replaced below. Until this commits, nobody posts.
DROP TRIGGER ledger_entry_applied ON ledger_entry;
DROP TRIGGER ledger_entry_balanced ON ledger_entry;

-- What was posted while history was counted, at the top of this file.
INSERT INTO ledger_rollup (kind, posts, credits)
SELECT kind, count(*), sum(abs(entry.amount))
  FROM (SELECT id, kind FROM ledger_transaction
         -- The first is implied by the second, and cheap.
         WHERE posted_in >= (SELECT pg_snapshot_xmin(current_setting('vigil.counted')::pg_snapshot))
           AND NOT pg_visible_in_snapshot(posted_in, (SELECT current_setting('vigil.counted')::pg_snapshot)) OFFSET 0) AS posted
 CROSS JOIN LATERAL (SELECT account_id, amount FROM ledger_entry WHERE transaction_id = posted.id OFFSET 0) AS entry
  JOIN ledger_account AS account ON account.id = entry.account_id
 WHERE account.name = CASE kind WHEN 'charge' THEN 'revenue' ELSE 'available' END
 GROUP BY kind;
SELECT lock_fence_table('ledger_rollup');

-- What was asked for, with the names in their order; in the version before the same, so that what it posted is found.
CREATE FUNCTION ledger_request_hash(p_kind text, p_user_id bigint, p_names text[], p_amounts bigint[]) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    request text := p_kind || ' ' || p_user_id;
BEGIN
    FOR n IN 1 .. cardinality(p_names) LOOP
        request := request || E'\n' || p_names[n] || ' ' || p_amounts[n];
    END LOOP;
    RETURN sha256(convert_to(request, 'UTF8'));
END $$;

-- Post a transaction of a user, once for each key; is_new is false when it was posted before, and posted_id NULL when
-- something else was.
CREATE FUNCTION ledger_post(p_kind text, p_key text, p_user_id bigint, p_names text[], p_amounts bigint[],
                            OUT posted_id bigint, OUT is_new boolean)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    hash  bytea := ledger_request_hash(p_kind, p_user_id, p_names, p_amounts);
    first bytea;
BEGIN
    -- Before it has an id: so whoever sees an id knows of every lower one whether it is still on its way (the audit).
    PERFORM pg_current_xact_id();
    INSERT INTO ledger_transaction (kind, idempotency_key, request_hash) VALUES (p_kind, p_key, hash)
        ON CONFLICT (idempotency_key) DO NOTHING RETURNING id INTO posted_id;
    is_new := posted_id IS NOT NULL;
    IF NOT is_new THEN
        -- A statement of its own: the one above may have waited for a transaction that its snapshot does not show.
        SELECT id, request_hash INTO posted_id, first FROM ledger_transaction WHERE idempotency_key = p_key;
        IF first IS DISTINCT FROM hash THEN posted_id := NULL; END IF;
        RETURN;
    END IF;
    -- Names of users' accounts and of the house's differ, so at most one of the two is found; none is refused.
    INSERT INTO ledger_entry (transaction_id, account_id, amount)
    SELECT posted_id,
           coalesce((SELECT id FROM ledger_account WHERE user_id = p_user_id AND name = wanted.name),
                    (SELECT id FROM ledger_account WHERE user_id IS NULL AND name = wanted.name)), wanted.amount
      FROM unnest(p_names, p_amounts) AS wanted (name, amount);
END $$;

-- Set credits aside. outcome: held | again (this very hold was opened before) | conflict (the key is another request's)
-- | insufficient | unknown (no such user). The account is locked first, the lower of the user's two: what is read then
-- holds until the commit, whoever else wants to spend.
CREATE FUNCTION ledger_hold_open(p_user_id bigint, p_amount bigint, p_key text, p_seconds double precision,
                                 OUT outcome text, OUT hold_id bigint, OUT posted_id bigint, OUT available bigint)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    post record;
BEGIN
    SELECT balance INTO available FROM ledger_account WHERE user_id = p_user_id AND name = 'available' FOR NO KEY UPDATE;
    IF available IS NULL THEN
        outcome := 'unknown';
        RETURN;
    ELSIF available < p_amount AND NOT EXISTS (SELECT FROM ledger_transaction WHERE idempotency_key = p_key) THEN
        outcome := 'insufficient';
        RETURN;
    END IF;
    post := ledger_post('hold', p_key, p_user_id, ARRAY['available', 'held'], ARRAY[-p_amount, p_amount]);
    posted_id := post.posted_id;
    IF post.is_new THEN
        outcome := 'held';
        INSERT INTO ledger_hold (user_id, amount, opened_by, expires_at)
        VALUES (p_user_id, p_amount, posted_id, now() + make_interval(secs => p_seconds)) RETURNING id INTO hold_id;
    ELSE
        SELECT id INTO hold_id FROM ledger_hold WHERE opened_by = posted_id;
        outcome := CASE WHEN hold_id IS NULL THEN 'conflict' ELSE 'again' END;
    END IF;
END $$;

-- What a refund answered, also when there was nothing to take: the same key answers the same for ever, whatever the user
-- gets later. A refund that took something has its transaction under the same key.
CREATE TABLE ledger_refund_answer (
    idempotency_key text        PRIMARY KEY,
    user_id         bigint      NOT NULL REFERENCES users (id),
    wanted          bigint      NOT NULL CHECK (wanted > 0),
    taken           bigint      NOT NULL CHECK (taken BETWEEN 0 AND wanted),
    answered_at     timestamptz NOT NULL DEFAULT now()
);
SELECT lock_fence_table('ledger_refund_answer');
CREATE TRIGGER b_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_refund_answer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();

-- Take back what a user was sold, or what is left of it. outcome: done | nothing (all is spent) | again (answered before)
-- | conflict (the key is another request's) | busy (too little is left while some is on hold, and may come back: nothing is
-- final) | unknown (no such user).
CREATE FUNCTION ledger_refund(p_user_id bigint, p_amount bigint, p_key text,
                              OUT outcome text, OUT posted_id bigint, OUT refunded bigint)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    first ledger_refund_answer;
    post  record;
BEGIN
    SELECT least(balance, p_amount) INTO refunded FROM ledger_account
     WHERE user_id = p_user_id AND name = 'available' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'unknown';
        RETURN;
    END IF;
    SELECT * INTO first FROM ledger_refund_answer WHERE idempotency_key = p_key;
    IF FOUND THEN
        outcome := CASE WHEN (first.user_id, first.wanted) = (p_user_id, p_amount) THEN 'again' ELSE 'conflict' END;
        refunded := first.taken;
        RETURN;
    END IF;
    -- A statement of its own, after the lock: no hold begins now, and none that goes back is overlooked.
    IF refunded < p_amount AND EXISTS (SELECT FROM ledger_account WHERE user_id = p_user_id AND name = 'held' AND balance > 0) THEN
        outcome := 'busy';
        RETURN;
    END IF;
    INSERT INTO ledger_refund_answer (idempotency_key, user_id, wanted, taken) VALUES (p_key, p_user_id, p_amount, refunded)
        ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        -- Another user's, committed just now: this user's account is locked, so nobody answers for it meanwhile.
        outcome := 'conflict';
        RETURN;
    END IF;
    outcome := 'nothing';
    IF refunded > 0 THEN
        outcome := 'done';
        post := ledger_post('refund', p_key, p_user_id, ARRAY['available', 'topup'], ARRAY[-refunded, refunded]);
        posted_id := post.posted_id;
        IF NOT post.is_new THEN
            RAISE EXCEPTION 'ledger key % was posted without an answer', p_key USING ERRCODE = 'VG003';
        END IF;
    END IF;
END $$;

-- End a hold: charged with p_amount (NULL: all of it; what is left goes back to the user), or released with 0.
-- outcome: done | again | resolved (by another request) | exceeded (p_amount is no part of the hold) | missing.
CREATE FUNCTION ledger_hold_end(p_hold_id bigint, p_key text, p_amount bigint,
                                OUT outcome text, OUT posted_id bigint, OUT held bigint, OUT taken bigint)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    hold    ledger_hold;
    post    record;
    ending  text := CASE p_amount WHEN 0 THEN 'release' ELSE 'charge' END;
    names   text[];
    amounts bigint[];
BEGIN
    SELECT * INTO hold FROM ledger_hold WHERE id = p_hold_id FOR NO KEY UPDATE;
    held := hold.amount;
    taken := coalesce(p_amount, held);
    outcome := CASE WHEN held IS NULL THEN 'missing' WHEN taken NOT BETWEEN 0 AND held THEN 'exceeded' END;
    IF outcome IS NOT NULL THEN RETURN; END IF;
    names := CASE taken WHEN held THEN ARRAY['held', 'revenue'] WHEN 0 THEN ARRAY['available', 'held']
                        ELSE ARRAY['available', 'held', 'revenue'] END;
    amounts := CASE taken WHEN held THEN ARRAY[-held, taken] WHEN 0 THEN ARRAY[held, -held]
                          ELSE ARRAY[held - taken, -held, taken] END;
    IF hold.state = 'held' THEN
        post := ledger_post(ending, p_key, hold.user_id, names, amounts);
        posted_id := post.posted_id;
        outcome := CASE WHEN post.is_new THEN 'done' ELSE 'resolved' END;
        IF post.is_new THEN
            UPDATE ledger_hold SET state = CASE ending WHEN 'charge' THEN 'charged' ELSE 'released' END,
                                   resolved_by = posted_id WHERE id = p_hold_id;
        END IF;
    ELSE
        SELECT id INTO posted_id FROM ledger_transaction
         WHERE id = hold.resolved_by AND idempotency_key = p_key
           AND request_hash = ledger_request_hash(ending, hold.user_id, names, amounts);
        outcome := CASE WHEN FOUND THEN 'again' ELSE 'resolved' END;
    END IF;
END $$;

-- Once for each statement that writes entries: all the rules of a transaction, then what follows from it.
CREATE FUNCTION ledger_entries_written() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    it    record;
    moved bigint;
BEGIN
    SELECT count(*) AS entries, min(entry.transaction_id) AS id, sum(entry.amount) AS total,
           count(account.user_id) AS own, min(account.user_id) AS user_id, max(account.user_id) AS last_user,
           min(account.id) FILTER (WHERE account.name = 'available') AS available_id,
           sum(entry.amount) FILTER (WHERE account.name = 'available') AS available,
           min(account.id) FILTER (WHERE account.name = 'held') AS held_id,
           sum(entry.amount) FILTER (WHERE account.name = 'held') AS held,
           min(account.name) FILTER (WHERE account.user_id IS NULL) AS house,
           sum(entry.amount) FILTER (WHERE account.user_id IS NULL) AS house_amount,
           (SELECT kind FROM ledger_transaction WHERE id = min(entry.transaction_id)) AS kind,
           (SELECT count(*) FROM ledger_entry WHERE transaction_id = min(entry.transaction_id)) AS all_entries
      INTO it
      FROM written AS entry LEFT JOIN ledger_account AS account ON account.id = entry.account_id;
    IF it.entries = 0 THEN RETURN NULL; END IF;
    IF it.kind IS NULL OR it.all_entries <> it.entries THEN
        RAISE EXCEPTION 'ledger transaction % is posted already, or not alone: one statement writes all its entries, and no others',
            it.id USING ERRCODE = 'VG003';
    ELSIF it.entries < 2 OR it.total <> 0 THEN
        RAISE EXCEPTION 'ledger transaction % has % entries that sum to %', it.id, it.entries, it.total USING ERRCODE = 'VG003';
    ELSIF it.user_id IS DISTINCT FROM it.last_user OR it.own <> num_nonnulls(it.available, it.held) OR it.entries - it.own > 1 THEN
        RAISE EXCEPTION 'ledger transaction % has two entries on an account, or accounts of two users', it.id USING ERRCODE = 'VG003';
    ELSIF (CASE it.kind
              WHEN 'hold'    THEN it.house IS NULL AND it.held > 0 AND it.available < 0
              WHEN 'release' THEN it.house IS NULL AND it.held < 0 AND it.available > 0
              WHEN 'charge'  THEN it.house = 'revenue' AND it.house_amount > 0 AND it.held < 0 AND coalesce(it.available, 1) > 0
              WHEN 'refund'  THEN it.house = 'topup' AND it.held IS NULL AND it.available < 0
              WHEN 'adjust'  THEN it.house = 'adjust' AND it.held IS NULL
              WHEN 'topup'   THEN it.house = 'topup' AND it.held IS NULL AND it.available > 0
              WHEN 'grant'   THEN it.house = 'grant' AND it.held IS NULL AND it.available > 0
              ELSE it.house = 'promotion' AND it.held IS NULL AND it.available > 0 END) IS NOT TRUE THEN
        RAISE EXCEPTION 'ledger transaction % is no %: available %, held %, % %', it.id, it.kind, it.available, it.held,
            it.house, it.house_amount USING ERRCODE = 'VG003';
    END IF;

    moved := CASE it.kind WHEN 'charge' THEN it.house_amount ELSE abs(it.available) END;
    -- In the order of their ids, as everybody locks them. The house's accounts are sums: a row would be every writer's.
    WITH balances AS (
        UPDATE ledger_account SET balance = balance + CASE id WHEN it.held_id THEN it.held ELSE it.available END
         WHERE id = ANY (ARRAY[it.available_id, it.held_id])
    )
    UPDATE ledger_rollup SET posts = posts + 1, credits = credits + moved
     WHERE id = (SELECT id FROM ledger_rollup WHERE kind = it.kind LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED);
    IF NOT FOUND THEN
        INSERT INTO ledger_rollup (kind, posts, credits) VALUES (it.kind, 1, moved);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entry_balanced AFTER INSERT ON ledger_entry
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_written();

-- At commit: posted now, and with its entries; if it moves held credits, with the hold that it opens or ends.
CREATE OR REPLACE FUNCTION ledger_balanced() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF (NEW.posted_at, NEW.posted_in) IS DISTINCT FROM (now(), pg_current_xact_id()) THEN
        RAISE EXCEPTION 'ledger transaction % says it was posted at %', NEW.id, NEW.posted_at USING ERRCODE = 'VG003';
    END IF;
    -- A statement each: one with all of them would look into every table.
    IF NEW.kind = 'hold' THEN
        PERFORM FROM ledger_hold WHERE opened_by = NEW.id;
    ELSIF NEW.kind IN ('charge', 'release') THEN
        PERFORM FROM ledger_hold WHERE resolved_by = NEW.id;
    ELSE
        PERFORM FROM ledger_entry WHERE transaction_id = NEW.id;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'ledger transaction % is a % without its entries or its hold', NEW.id, NEW.kind USING ERRCODE = 'VG003';
    END IF;
    RETURN NULL;
END $$;

-- What a transaction of this kind moves on the user's account `held`.
CREATE FUNCTION ledger_moved(p_transaction_id bigint, p_kind text, p_user_id bigint) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- OFFSET 0: from the transaction to its entries, never along all the entries of an account.
    RETURN (SELECT entry.amount
              FROM (SELECT account_id, amount FROM ledger_entry WHERE transaction_id = p_transaction_id OFFSET 0) AS entry
              JOIN ledger_account AS account ON account.id = entry.account_id
             WHERE account.user_id = p_user_id AND account.name = 'held'
               AND EXISTS (SELECT FROM ledger_transaction WHERE id = p_transaction_id AND kind = p_kind));
END $$;

-- A hold begins open, with the transaction that held exactly its amount for its user, and ends some day.
CREATE FUNCTION ledger_hold_opens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'held' OR ledger_moved(NEW.opened_by, 'hold', NEW.user_id) IS DISTINCT FROM NEW.amount THEN
        RAISE EXCEPTION 'a hold of % by user % cannot be % by transaction %: that holds something else', NEW.amount, NEW.user_id,
            NEW.state, NEW.opened_by USING ERRCODE = 'VG003';
    ELSIF NEW.expires_at <= now() OR NOT isfinite(NEW.expires_at) THEN
        RAISE EXCEPTION 'a hold cannot expire at %', NEW.expires_at USING ERRCODE = 'VG003';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER b_opens BEFORE INSERT ON ledger_hold FOR EACH ROW EXECUTE FUNCTION ledger_hold_opens();

-- Only an open hold may change: to be resolved, once, by the transaction that moves all of it, or to expire later.
CREATE OR REPLACE FUNCTION ledger_hold_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'held'
       OR (NEW.id, NEW.user_id, NEW.amount, NEW.opened_by) IS DISTINCT FROM (OLD.id, OLD.user_id, OLD.amount, OLD.opened_by) THEN
        RAISE EXCEPTION 'hold % is %: it is resolved once, and who and how much never change', OLD.id, OLD.state
            USING ERRCODE = 'VG003';
    ELSIF NEW.expires_at < OLD.expires_at OR NOT isfinite(NEW.expires_at) THEN
        RAISE EXCEPTION 'hold % expires at %: not before, at %', OLD.id, OLD.expires_at, NEW.expires_at USING ERRCODE = 'VG003';
    ELSIF NEW.state <> 'held'
          AND ledger_moved(NEW.resolved_by, (CASE NEW.state WHEN 'charged' THEN 'charge' ELSE 'release' END), OLD.user_id)
              IS DISTINCT FROM -OLD.amount THEN
        RAISE EXCEPTION 'hold % cannot be % by transaction %: that resolves something else', OLD.id, NEW.state, NEW.resolved_by
            USING ERRCODE = 'VG003';
    END IF;
    RETURN NEW;
END $$;
-- Implied by the rules above, and summed at every commit before.
DROP TRIGGER ledger_hold_covered ON ledger_hold;
DROP TRIGGER ledger_account_held_covered ON ledger_account;

-- Balances and totals follow from entries; a direct statement would make them disagree. Depth 1 is a direct statement.
CREATE FUNCTION ledger_follows_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION '% changes only by entries', TG_TABLE_NAME USING ERRCODE = 'VG003';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER b_only_by_entries ON ledger_account;
CREATE TRIGGER b_only_by_entries BEFORE UPDATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_follows_entries();
CREATE TRIGGER b_only_by_entries BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ledger_rollup
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_follows_entries();

-- What the last full look of the ACTIVE at the books found, and how far back transactions need not be looked at again.
CREATE TABLE ledger_audit (
    is_only    boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    ended_at   timestamptz NOT NULL DEFAULT now(),
    accounts   bigint      NOT NULL,
    -- Milli-credits by which balances, holds and transactions disagree with their entries, each way the same.
    drift      numeric     NOT NULL,
    negative   bigint      NOT NULL,
    checked_to bigint      NOT NULL
);
SELECT lock_fence_table('ledger_audit');

-- numbers: what each model brought and cost by the hour, how its generations came to it, and the operator's credit.

-- A row a model and hour, written with what it counts. '-infinity': the hours that are gone, so that totals only grow.
CREATE TABLE model_hour (
    model_id       text             NOT NULL,
    hour           timestamptz      NOT NULL,
    success        bigint           NOT NULL DEFAULT 0,
    provider_error bigint           NOT NULL DEFAULT 0,
    timeout        bigint           NOT NULL DEFAULT 0,
    moderation     bigint           NOT NULL DEFAULT 0,
    bad_input      bigint           NOT NULL DEFAULT 0,
    cancelled      bigint           NOT NULL DEFAULT 0,
    -- Came after the credits went back, and were given away.
    late           bigint           NOT NULL DEFAULT 0,
    -- Milli-credits; of these, those of users who never bought any.
    charged        bigint           NOT NULL DEFAULT 0,
    charged_given  bigint           NOT NULL DEFAULT 0,
    -- Micro-dollars to the provider; of these, for what cost its user nothing, and for users who never bought credits.
    cost           bigint           NOT NULL DEFAULT 0,
    free_cost      bigint           NOT NULL DEFAULT 0,
    welcome_cost   bigint           NOT NULL DEFAULT 0,
    -- From the order to the chat, summed over the successes.
    seconds        double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (model_id, hour)
) WITH (fillfactor = 50);
CREATE INDEX model_hour_by_hour ON model_hour (hour);
SELECT lock_fence_table('model_hour');

-- How many settled generations were asked for so, made by this model, and why.
CREATE TABLE model_route (
    requested   text   NOT NULL,
    model_id    text   NOT NULL,
    reason      text   NOT NULL,
    generations bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (requested, model_id, reason)
) WITH (fillfactor = 50);
SELECT lock_fence_table('model_route');

-- A generation whose model nobody chose: only such a one may be given to another model, and only for no more.
CREATE TABLE generation_route (
    generation_id bigint PRIMARY KEY REFERENCES generation (id) ON DELETE CASCADE,
    requested     text   NOT NULL CHECK (requested IN ('words', 'photo', 'best_price')),
    reason        text   NOT NULL,
    -- The models that could not, in their order.
    tried         text[] NOT NULL DEFAULT '{}',
    -- What the user agreed to, and what is held, once another model makes it for less.
    quoted        bigint CHECK (quoted >= 0)
);
SELECT lock_fence_table('generation_route');

-- What the provider last said of the operator's credit, and whether selling has stopped for it.
CREATE TABLE provider_balance (
    provider text        PRIMARY KEY,
    credits  numeric,
    stopped  text        CHECK (stopped IN ('key', 'balance')),
    told_at  timestamptz NOT NULL DEFAULT now()
);
SELECT lock_fence_table('provider_balance');

-- As before, and one more thing may happen: an order that made no task goes back to be given to another model, if nobody
-- had chosen the first one.
CREATE OR REPLACE FUNCTION generation_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND NOT generation_may_go(OLD.state, NEW.state) THEN
        RAISE EXCEPTION 'generation % cannot go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'VG003';
    END IF;
    IF OLD.state <> 'quoted' AND (NEW.user_id, NEW.model_id, NEW.price, NEW.hold_id)
                                 IS DISTINCT FROM (OLD.user_id, OLD.model_id, OLD.price, OLD.hold_id)
       AND NOT ((OLD.state, NEW.state) = ('submitting', 'held') AND OLD.task_id IS NULL AND NEW.price BETWEEN 1 AND OLD.price
                AND (NEW.user_id, NEW.hold_id) = (OLD.user_id, OLD.hold_id)
                AND EXISTS (SELECT FROM generation_route WHERE generation_id = OLD.id AND OLD.model_id = ANY (tried))) THEN
        RAISE EXCEPTION 'generation % is %: who, what and how much were settled by its confirmation', OLD.id, OLD.state
            USING ERRCODE = 'VG003';
    END IF;
    IF NEW.task_id IS DISTINCT FROM OLD.task_id AND OLD.task_id IS NOT NULL THEN
        RAISE EXCEPTION 'generation % has task % already', OLD.id, OLD.task_id USING ERRCODE = 'VG003';
    END IF;
    RETURN NEW;
END $$;

-- As before; the hold is of what was quoted, and a cheaper model takes a part of it.
CREATE OR REPLACE FUNCTION generation_agrees_with_hold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    work   generation;
    money  ledger_hold;
    quoted bigint;
BEGIN
    IF TG_TABLE_NAME = 'generation' THEN
        SELECT * INTO work FROM generation WHERE id = NEW.id;
    ELSE
        SELECT * INTO work FROM generation WHERE hold_id = NEW.id;
    END IF;
    SELECT * INTO money FROM ledger_hold WHERE id = work.hold_id;
    IF NOT FOUND THEN RETURN NULL; END IF;
    quoted := work.price;
    IF money.amount <> quoted THEN
        SELECT greatest(route.quoted, work.price) INTO quoted FROM generation_route AS route WHERE generation_id = work.id;
    END IF;
    IF (money.user_id, money.amount) IS DISTINCT FROM (work.user_id, quoted)
       OR (money.state = 'charged') <> (work.state = 'charged')
       OR (money.state = 'released') <> (work.state = 'released') THEN
        RAISE EXCEPTION 'generation % is % at price %, its hold % is % of %', work.id, work.state, work.price, money.id,
            money.state, money.amount USING ERRCODE = 'VG003';
    END IF;
    RETURN NULL;
END $$;

-- people: who may not use the bot, who chose a language, who invited whom, what was free, and who is to be forgotten.
ALTER TABLE users
    ADD COLUMN banned_at timestamptz,
    -- In the settings: from then on the language no longer follows Telegram's.
    ADD COLUMN chose_language boolean NOT NULL DEFAULT false;

-- Bound at the invitee's first contact and settled at the first top-up, rewarded or not.
CREATE TABLE referral (
    invitee    bigint      PRIMARY KEY REFERENCES users (id),
    inviter    bigint      NOT NULL REFERENCES users (id),
    settled_at timestamptz,
    CHECK (inviter <> invitee)
);
CREATE INDEX referral_by_inviter ON referral (inviter);
SELECT lock_fence_table('referral');

-- What was confirmed for nothing, by the day (UTC) that it counts for; one that failed does not count.
CREATE TABLE free_generation (
    generation_id bigint PRIMARY KEY REFERENCES generation (id),
    user_id       bigint NOT NULL REFERENCES users (id),
    day           date   NOT NULL
);
CREATE INDEX free_generation_by_day ON free_generation (day, user_id);
SELECT lock_fence_table('free_generation');

-- Whose words are still to be taken out of the queues: rows up to the `last` ones that there were, looked at up to `at`.
CREATE TABLE erasure (
    user_id     bigint PRIMARY KEY REFERENCES users (id),
    outbox_at   bigint NOT NULL DEFAULT 0,
    outbox_last bigint NOT NULL,
    inbox_at    bigint NOT NULL DEFAULT 0,
    inbox_last  bigint NOT NULL
);
SELECT lock_fence_table('erasure');

-- outbox: who is answered, where the chat does not say it: in a group. No reference: only the erasure asks for it.
ALTER TABLE outbox ADD COLUMN user_id bigint;

-- admin: what the operators did in the chat, and the models that they took off the menu.
CREATE TABLE admin_action (
    id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The update that asked for it: handled again, it does nothing again.
    update_id bigint      NOT NULL UNIQUE,
    admin_id  bigint      NOT NULL,
    action    text        NOT NULL CHECK (action IN ('find', 'grant', 'refund', 'ban', 'unban', 'model_on', 'model_off')),
    user_id   bigint      REFERENCES users (id),
    model_id  text,
    -- Milli-credits that moved.
    amount    bigint,
    acted_at  timestamptz NOT NULL DEFAULT now()
);
SELECT lock_fence_table('admin_action');

-- The models that are switched off.
CREATE TABLE model_switch (
    model_id text        PRIMARY KEY,
    off_at   timestamptz NOT NULL DEFAULT now()
);
SELECT lock_fence_table('model_switch');
