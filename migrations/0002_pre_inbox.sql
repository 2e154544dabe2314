-- The durable inbox (what came in) and the outbox (what goes to Telegram).

CREATE TABLE inbox (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source      text        NOT NULL CHECK (source IN ('telegram', 'kie', 'yookassa', 'stripe', 'operator')),
    dedupe_key  text        NOT NULL,
    lane        text        NOT NULL,
    -- bytea: one \u0000 in a text would make jsonb refuse the row and with it its whole batch.
    body        bytea       NOT NULL,
    state       text        NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'claimed', 'done', 'dead')),
    -- Starts of the handler, not claims: a row handed back unstarted keeps its count.
    attempts    integer     NOT NULL DEFAULT 0,
    owner_epoch bigint,
    received_at timestamptz NOT NULL DEFAULT now(),
    settled_at  timestamptz,
    traceparent text,
    last_error  text,
    CHECK ((state = 'claimed') = (owner_epoch IS NOT NULL)),
    UNIQUE (source, dedupe_key)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE INDEX inbox_ready ON inbox (id) WHERE state = 'ready';
CREATE INDEX inbox_claimed ON inbox (owner_epoch) WHERE state = 'claimed';
CREATE INDEX inbox_done ON inbox (settled_at) WHERE state = 'done';
CREATE INDEX inbox_dead ON inbox (id) WHERE state = 'dead';

-- Every instance may add what arrived; only the current term changes it.
CREATE TRIGGER a_fenced_insert BEFORE INSERT ON inbox FOR EACH ROW
    WHEN (NEW.state NOT IN ('ready', 'dead')) EXECUTE FUNCTION lock_fenced();
CREATE TRIGGER a_fenced BEFORE UPDATE OR DELETE OR TRUNCATE ON inbox
    FOR EACH STATEMENT EXECUTE FUNCTION lock_fenced();

CREATE TABLE outbox (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane              text        NOT NULL,
    chat_id           bigint      NOT NULL,
    method            text        NOT NULL,
    -- json, not jsonb: a prompt may hold \u0000, which jsonb refuses.
    params            json        NOT NULL,
    -- ready → sending (the intent) → sent | failed; superseded: a newer edit of the same message replaced it.
    state             text        NOT NULL DEFAULT 'ready'
                                  CHECK (state IN ('ready', 'sending', 'sent', 'failed', 'superseded')),
    -- Dropped instead of repeated when it is late or its outcome is unknown: callback answers, chat actions.
    best_effort       boolean     NOT NULL DEFAULT false,
    edits             bigint      REFERENCES outbox (id),
    generation_id     bigint,
    intent_epoch      bigint,
    attempts          integer     NOT NULL DEFAULT 0,
    -- Sends whose outcome was never learnt: the first is repeated, the second ends the row.
    ambiguous         integer     NOT NULL DEFAULT 0,
    run_at            timestamptz NOT NULL DEFAULT now(),
    created_at        timestamptz NOT NULL DEFAULT now(),
    settled_at        timestamptz,
    result_message_id bigint,
    result_file_id    text,
    traceparent       text,
    last_error        text,
    CHECK ((state = 'sending') = (intent_epoch IS NOT NULL))
);
CREATE INDEX outbox_open ON outbox (lane, id) WHERE state IN ('ready', 'sending');
CREATE INDEX outbox_settled ON outbox (settled_at) WHERE state IN ('sent', 'failed', 'superseded');
CREATE INDEX outbox_edits ON outbox (edits) WHERE state = 'ready' AND edits IS NOT NULL;
SELECT lock_fence_table('outbox');
