-- Note that a group no longer takes messages.
INSERT INTO group_unreachable (chat_id) VALUES ($1::bigint) ON CONFLICT (chat_id) DO NOTHING
