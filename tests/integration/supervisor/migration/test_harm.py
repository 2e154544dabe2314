"""What no migration of ours does: drop, empty or change what is there."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.database import connected
from supervisor.migration import Phase
from supervisor.migrator import apply_migrations_safe, load_migrations

OURS = load_migrations()
FILLED = 4
"""How many of the first files are in effect when the rows are written."""
ROWS = """
SELECT lock_claim(7, 'one', 60000, NULL, NULL, 'free');
BEGIN;
SELECT lock_fence(7, 1);
INSERT INTO users (id, language) VALUES (1, 'en'), (2, 'ru');
INSERT INTO ledger_account (user_id, name, balance) VALUES (1, 'available', 0), (1, 'held', 0);
INSERT INTO ledger_transaction (kind, idempotency_key, request_hash) VALUES ('welcome', 'welcome:1', '\\x00');
INSERT INTO ledger_entry (transaction_id, account_id, amount)
SELECT 1, id, CASE name WHEN 'promotion' THEN -20000 ELSE 20000 END FROM ledger_account
 WHERE name = 'promotion' OR (user_id = 1 AND name = 'available');
INSERT INTO inbox (source, dedupe_key, lane, body) VALUES ('telegram', '1', 'chat:1', '\\x7b7d');
INSERT INTO outbox (lane, chat_id, method, params) VALUES ('chat:1', 1, 'sendMessage', '{"text": "hello"}');
INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price) VALUES (1, 1, 'chat:1', 'z-image', '{}', 5000);
COMMIT;
INSERT INTO generated_setting (name, value) VALUES ('bot_id', '7');
SELECT lock_release(7, 'one', 1);
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migration_history' ORDER BY 1"


async def contents(connection: Any) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table."""
    return {
        row["tablename"]: [dict(found) for found in await connection.fetch(f"SELECT * FROM {row['tablename']}")]  # noqa: S608 - our tables
        for row in await connection.fetch(TABLES)
    }


@pytest.mark.parametrize("migration", OURS, ids=lambda migration: migration.name)
def test_no_pre_file_removes_data(migration: Any) -> None:
    """A restart wiped the predecessor's database: what drops, truncates or deletes waits for a post file."""
    assert migration.phase is Phase.POST or migration.removals == ()


async def test_applying_to_a_full_database_changes_no_row(empty_database_url: str) -> None:
    """Every row stays, with every value it had; new columns may be added. And once more, as at every restart."""
    await apply_migrations_safe(empty_database_url, OURS[:FILLED])
    async with connected(empty_database_url, application_name="test") as connection:
        await connection.execute(ROWS)
        before = await contents(connection)
        empty = {name for name, rows in before.items() if not rows}
        assert empty <= {"ledger_hold"}
        for _ in range(2):
            await apply_migrations_safe(empty_database_url, include_post=True)
            after = await contents(connection)
            for table, rows in before.items():
                assert [{name: new[name] for name in old} for old, new in zip(rows, after[table], strict=True)] == rows


async def test_a_restart_applies_nothing_and_writes_nothing(database_url: str) -> None:
    """The history's own rows stay as they are too."""
    async with connected(database_url, application_name="test") as connection:
        before = await connection.fetch("SELECT * FROM migration_history ORDER BY id")
        assert (await apply_migrations_safe(database_url)).applied == ()
        assert await connection.fetch("SELECT * FROM migration_history ORDER BY id") == before
