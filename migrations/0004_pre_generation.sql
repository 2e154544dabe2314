-- Generations: a row moves before anything else does.
--
--   quoted → held → submitting → submitted → succeeded → delivered → charged
--     │        │        ├→ failed ────────────┐  │
--     │        │        └→ unknown ─→ (submitted | failed)
--     └→ expired        held, submitted, succeeded → failed → released
--
-- Invariants, held by the database whatever the program does: only these steps; what was quoted is what is held and
-- charged; a hold is charged exactly when its generation is, and so only after delivery; likewise released.

CREATE TABLE generation (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id           bigint      NOT NULL REFERENCES users (id),
    chat_id           bigint      NOT NULL,
    lane              text        NOT NULL,
    model_id          text        NOT NULL,
    -- json, not jsonb: a prompt may hold \u0000.
    inputs            json        NOT NULL,
    price             bigint      NOT NULL CHECK (price >= 0),
    cost              bigint      CHECK (cost >= 0),
    state             text        NOT NULL DEFAULT 'quoted'
                                  CHECK (state IN ('quoted', 'expired', 'held', 'submitting', 'submitted', 'unknown', 'succeeded',
                                                   'delivered', 'charged', 'failed', 'released')),
    hold_id           bigint      UNIQUE REFERENCES ledger_hold (id),
    task_id           text        UNIQUE,
    -- In the callback's address: who knows it may say which task of the provider is this generation's, no more.
    callback_token    uuid        NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    result_url        text,
    failure_class     text        CHECK (failure_class IN ('user', 'moderation', 'ours', 'transient', 'timeout', 'unknown',
                                                           'undeliverable')),
    failure_text      text,
    -- The message that shows the quote and then the progress: one message, edited.
    status_outbox_id  bigint      REFERENCES outbox (id),
    -- What that message shows, and since when: it is edited only so often.
    shown             text,
    shown_at          timestamptz,
    next_step_at      timestamptz NOT NULL DEFAULT now(),
    steps             integer     NOT NULL DEFAULT 0,
    quoted_at         timestamptz NOT NULL DEFAULT now(),
    submitted_at      timestamptz,
    deadline_at       timestamptz,
    settled_at        timestamptz,
    traceparent       text,
    CHECK (state NOT IN ('held', 'submitting', 'submitted', 'unknown', 'succeeded', 'delivered', 'charged', 'released')
           OR hold_id IS NOT NULL OR price = 0),
    CHECK (state NOT IN ('submitted', 'succeeded', 'delivered', 'charged') OR task_id IS NOT NULL),
    CHECK ((state IN ('charged', 'released', 'expired')) = (settled_at IS NOT NULL))
);
CREATE INDEX generation_due ON generation (next_step_at)
    WHERE state IN ('held', 'submitting', 'submitted', 'unknown', 'succeeded', 'delivered', 'failed');
-- What the limit of generations at a time counts.
CREATE INDEX generation_active ON generation (user_id) WHERE state IN ('held', 'submitting', 'submitted');
CREATE INDEX generation_by_user ON generation (user_id, id DESC);
ALTER TABLE outbox ADD FOREIGN KEY (generation_id) REFERENCES generation (id);
SELECT lock_fence_table('generation');

-- The arrows of the picture above.
CREATE FUNCTION generation_may_go(p_from text, p_to text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (p_from, p_to) IN (
        ('quoted', 'held'), ('quoted', 'expired'),
        ('held', 'submitting'), ('held', 'failed'),
        ('submitting', 'submitted'), ('submitting', 'failed'), ('submitting', 'unknown'), ('submitting', 'held'),
        ('unknown', 'submitted'), ('unknown', 'failed'),
        ('submitted', 'succeeded'), ('submitted', 'failed'),
        ('succeeded', 'delivered'), ('succeeded', 'failed'),
        ('delivered', 'charged'), ('failed', 'released'))
$$;

CREATE FUNCTION generation_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND NOT generation_may_go(OLD.state, NEW.state) THEN
        RAISE EXCEPTION 'generation % cannot go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'VG003';
    END IF;
    IF OLD.state <> 'quoted' AND (NEW.user_id, NEW.model_id, NEW.price, NEW.hold_id)
                                 IS DISTINCT FROM (OLD.user_id, OLD.model_id, OLD.price, OLD.hold_id) THEN
        RAISE EXCEPTION 'generation % is %: who, what and how much were settled by its confirmation', OLD.id, OLD.state
            USING ERRCODE = 'VG003';
    END IF;
    IF NEW.task_id IS DISTINCT FROM OLD.task_id AND OLD.task_id IS NOT NULL THEN
        RAISE EXCEPTION 'generation % has task % already', OLD.id, OLD.task_id USING ERRCODE = 'VG003';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER b_step BEFORE UPDATE ON generation FOR EACH ROW EXECUTE FUNCTION generation_step();

CREATE FUNCTION generation_begins_quoted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a generation begins as quoted, not as %', NEW.state USING ERRCODE = 'VG003';
END $$;
CREATE TRIGGER b_begins_quoted BEFORE INSERT ON generation
    FOR EACH ROW WHEN (NEW.state <> 'quoted') EXECUTE FUNCTION generation_begins_quoted();

-- At commit: the work and its money ended together, and for the amount that was quoted.
CREATE FUNCTION generation_agrees_with_hold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    work  generation;
    money ledger_hold;
BEGIN
    IF TG_TABLE_NAME = 'generation' THEN
        SELECT * INTO work FROM generation WHERE id = NEW.id;
    ELSE
        SELECT * INTO work FROM generation WHERE hold_id = NEW.id;
    END IF;
    SELECT * INTO money FROM ledger_hold WHERE id = work.hold_id;
    IF FOUND AND ((money.user_id, money.amount) IS DISTINCT FROM (work.user_id, work.price)
                  OR (money.state = 'charged') <> (work.state = 'charged')
                  OR (money.state = 'released') <> (work.state = 'released')) THEN
        RAISE EXCEPTION 'generation % is % at price %, its hold % is % of %', work.id, work.state, work.price, money.id,
            money.state, money.amount USING ERRCODE = 'VG003';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER generation_hold_agrees AFTER UPDATE ON generation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state IS DISTINCT FROM OLD.state)
    EXECUTE FUNCTION generation_agrees_with_hold();
CREATE CONSTRAINT TRIGGER ledger_hold_generation_agrees AFTER UPDATE ON ledger_hold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state IS DISTINCT FROM OLD.state)
    EXECUTE FUNCTION generation_agrees_with_hold();
