"""What the totals say of the queues: all of what waits, however much of it there is, and at a bounded cost."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from supervisor import totals
from supervisor.sql import sql
from supervisor.totals import Totals
from tests.conftest import Server
from tests.integration.supervisor.test_totals import LOCK_KEY, configured, reader, scraped

__all__ = ["configured", "reader"]

UPDATES = """
INSERT INTO inbox (source, dedupe_key, lane, body, state, owner_epoch, received_at, settled_at)
SELECT 'telegram', $1 || i, 'chat:' || i, '', $1, CASE $1 WHEN 'claimed' THEN 7 END,
       clock_timestamp() - $2::text::interval, CASE WHEN $1 IN ('done', 'dead') THEN clock_timestamp() - $2::text::interval END
  FROM generate_series(1, $3::integer) AS i
"""
MESSAGES = """
INSERT INTO outbox (lane, chat_id, method, params, state, intent_epoch, run_at)
SELECT $1, 1, 'sendMessage', '{}', $2, CASE $2 WHEN 'sending' THEN 7 END, clock_timestamp() - $3::text::interval
  FROM generate_series(1, $4::integer)
"""


OPEN_SECONDS = 0.5


@pytest.fixture
async def filled(server: Server, database_url: str) -> Any:
    """A connection on which rows can be written in any state, without a term."""
    name = database_url.rpartition("/")[2].partition("?")[0]
    address, _, query = server.admin_url.partition("?")
    url = f"{address.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
    connection = await asyncpg.connect(url, timeout=10, command_timeout=30)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close(timeout=5)


async def test_what_waits_and_what_was_given_up_is_counted_by_the_database(reader: Totals, filled: Any) -> None:
    """Rows that were given up long ago are kept and are no news; done rows are in no count."""
    for state, ago, rows in (("ready", "3 seconds", 5), ("done", "1 day", 7), ("dead", "2 hours", 3)):
        await filled.execute(UPDATES, state, ago, rows)
    await filled.execute(UPDATES.replace("'telegram'", "'operator'"), "dead", "5 minutes", 2)
    await reader.read()
    found = scraped()
    assert found['bot_inbox_depth{state="ready"}'] == 5
    assert found['bot_inbox_depth{state="claimed"}'] == 0
    assert found["bot_inbox_dead_letters"] == 5
    assert found['bot_inbox_dead_letters_window{window="1h"}'] == 2
    assert found["bot_inbox_oldest_age_seconds"] == pytest.approx(3, abs=2)


async def test_an_update_whose_handler_hangs_is_the_oldest(reader: Totals, filled: Any) -> None:
    """It is not ready any more; only its age shows that nobody gets an answer."""
    await filled.execute(UPDATES, "ready", "3 seconds", 1)
    await filled.execute(UPDATES, "claimed", "90 seconds", 1)
    await reader.read()
    assert scraped()["bot_inbox_oldest_age_seconds"] == pytest.approx(90, abs=5)
    assert reader.inbox()["claimed"] == 1


async def test_a_message_is_due_when_it_is_first_in_its_lane_and_its_time_has_come(reader: Totals, filled: Any) -> None:
    """What waits behind a Retry-After, behind another message, or is under way does not make an alert."""
    await filled.execute(MESSAGES, "chat:1", "ready", "-60 seconds", 1)
    await filled.execute(MESSAGES, "chat:1", "ready", "500 seconds", 3)
    await filled.execute(MESSAGES, "chat:2", "sending", "400 seconds", 1)
    await filled.execute(MESSAGES, "chat:2", "ready", "400 seconds", 1)
    await reader.read()
    found = scraped()
    assert found["bot_outbox_oldest_age_seconds"] == 0
    assert found['bot_outbox_depth{state="ready"}'] == 5
    assert found['bot_outbox_depth{state="sending"}'] == 1
    await filled.execute(MESSAGES, "chat:3", "ready", "20 seconds", 2)
    await reader.read()
    assert scraped()["bot_outbox_oldest_age_seconds"] == pytest.approx(20, abs=5)


async def test_counting_ends_where_it_would_begin_to_cost(
    reader: Totals, filled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number that stands at the limit means that many or more, as its help says."""
    monkeypatch.setattr(totals, "SATURATION", 40)
    for state in ("ready", "claimed", "dead"):
        await filled.execute(UPDATES, state, "1 second", 50)
    await filled.execute(MESSAGES, "chat:1", "ready", "1 second", 50)
    await reader.read()
    found = scraped()
    for series in ('bot_inbox_depth{state="ready"}', 'bot_inbox_depth{state="claimed"}', "bot_inbox_dead_letters"):
        assert found[series] == 40
    assert found['bot_outbox_depth{state="ready"}'] == 40


async def test_a_backlog_that_the_statistics_know_nothing_of_is_not_sorted(filled: Any) -> None:
    """Without the plan of its own the reading would fetch and sort every waiting row before it counts the first."""
    await filled.execute("ALTER TABLE inbox SET (autovacuum_enabled = off)")
    await filled.execute(UPDATES, "ready", "1 second", 20_000)
    async with filled.transaction():
        await filled.execute(sql("totals_plan"))
        plan = await filled.fetch(f"EXPLAIN (ANALYZE, TIMING OFF) {sql('totals')}", LOCK_KEY, 1_000)
    text = "\n".join(line[0] for line in plan)
    assert "Seq Scan on inbox" not in text
    assert "Bitmap Heap Scan on inbox" not in text
    assert "rows=1000.00 loops=1" in text or "rows=1000 loops=1" in text
    assert "rows=20000" not in text


async def test_vacuum_and_size_are_told_by_table(reader: Totals, filled: Any) -> None:
    """Rows that were removed and not cleared up yet are counted for their own table."""
    await filled.execute("ALTER TABLE inbox SET (autovacuum_enabled = off)")
    await filled.execute(UPDATES, "ready", "1 second", 100)
    await filled.execute("DELETE FROM inbox WHERE id % 4 = 0")
    # What a session has done is told to the others once in a while only.
    await filled.execute("SELECT pg_stat_force_next_flush()")
    await reader.read()
    found = scraped()
    assert found['supervisor_table_bytes{table="inbox"}'] > found['supervisor_table_bytes{table="outbox"}'] > 0
    assert found['supervisor_table_dead_rows{table="inbox"}'] == 25
    assert found['supervisor_table_dead_rows{table="outbox"}'] == 0


@pytest.mark.parametrize(
    ("isolation", "statement"),
    [("repeatable_read", "SELECT count(*) FROM inbox"), ("read_committed", "SELECT pg_current_xact_id()")],
)
async def test_a_transaction_that_is_left_open_is_told(
    reader: Totals, database_url: str, isolation: Any, statement: str
) -> None:
    """It holds vacuum back: with the snapshot it keeps, and without one too, once it has a number."""
    idle: Any = await asyncpg.connect(database_url, timeout=10, command_timeout=30)
    try:
        async with idle.transaction(isolation=isolation):
            await idle.execute(statement)
            # Older than the transaction of the reading can be, on whatever machine.
            await idle.execute(f"SELECT pg_sleep({OPEN_SECONDS})")
            await reader.read()
            assert scraped()["supervisor_db_oldest_transaction_seconds"] >= OPEN_SECONDS
        await reader.read()
        assert scraped()["supervisor_db_oldest_transaction_seconds"] < OPEN_SECONDS
    finally:
        await idle.close(timeout=5)


async def test_the_status_shows_nothing_of_the_inbox_once_the_reading_is_old(pool: Any, filled: Any) -> None:
    """With the database away for half a minute the last numbers would be taken for those of now."""
    now = [1000.0]
    reader = Totals(lambda: pool, LOCK_KEY, clock=lambda: now[0])
    assert reader.inbox() == {}
    await filled.execute(UPDATES, "ready", "1 second", 3)
    await reader.read()
    now[0] += 3 * totals.INTERVAL
    assert reader.inbox()["ready"] == 3
    now[0] += 0.1
    assert reader.inbox() == {}
