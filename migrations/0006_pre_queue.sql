-- What the queues need to know of the outside: chats that have moved, and the orders that a payment is checked against.

-- A group that became a supergroup has another id: what is queued for the old one goes to the new one.
CREATE TABLE chat_moved (
    old_id   bigint      PRIMARY KEY,
    new_id   bigint      NOT NULL CHECK (new_id <> old_id),
    moved_at timestamptz NOT NULL DEFAULT now()
);
SELECT lock_fence_table('chat_moved');

-- A group that removed the bot takes nothing until somebody in it speaks to the bot again; people: users.unreachable_at.
CREATE TABLE group_unreachable (
    chat_id        bigint      PRIMARY KEY CHECK (chat_id < 0),
    unreachable_at timestamptz NOT NULL DEFAULT now()
);
SELECT lock_fence_table('group_unreachable');

-- One top-up that was offered. `id` is the payload of its invoice: whoever is asked before the payment looks it up here.
CREATE TABLE payment_order (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id    bigint      NOT NULL REFERENCES users (id),
    -- Milli-credits.
    credits    bigint      NOT NULL CHECK (credits > 0),
    currency   text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- In the currency's smallest unit; Stars have none smaller than one.
    amount     bigint      NOT NULL CHECK (amount > 0),
    state      text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paid', 'cancelled')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
SELECT lock_fence_table('payment_order');

-- Who edits this message? Asked for every message that is removed, by the removal and by the foreign key.
CREATE INDEX outbox_by_edited ON outbox (edits) WHERE edits IS NOT NULL;

-- Which generation does this message show? Asked for every message that is removed, by the removal and by the foreign key.
CREATE INDEX generation_by_message ON generation (status_outbox_id) WHERE status_outbox_id IS NOT NULL;
