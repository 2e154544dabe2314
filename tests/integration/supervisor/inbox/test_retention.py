"""Removing old rows on a real PostgreSQL: what goes, what stays, and that nobody waits for it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import asyncpg
import pytest

from supervisor.app.workload import keeps
from supervisor.fence import Fenced
from supervisor.inbox import retention
from supervisor.inbox.retention import DAY, Keep, Pace, Retention
from telemetry import events, testing
from tests.integration.supervisor.inbox.conftest import Begin, Sample, Tenure, store, until

AT_ONCE = Pace(rows=10, rest=0.0, least_rest_seconds=0.0, look_seconds=0.01)
INDEXES = {
    "inbox_done": "inbox_done",
    "inbox_dead": "inbox_dead",
    "outbox": "outbox_settled",
    "erased_messages": "outbox_pkey",
    "erased_arrivals": "inbox_pkey",
}
Removing = Callable[..., Any]


@asynccontextmanager
async def removing(
    tenure: Tenure, pace: Pace = AT_ONCE, clock: Callable[[], float] = anyio.current_time
) -> AsyncIterator[None]:
    """Let a retention run while the block runs."""
    async with anyio.create_task_group() as group:
        child = Retention(tenure.database, keeps(), pace, clock)
        await group.start(lambda *, task_status: child.serve(task_status=task_status))
        yield
        group.cancel_scope.cancel()


async def aged(tenure: Tenure, key: str, state: str, days: float, source: str = "telegram") -> int:
    """Put one settled row there that is so many days old."""
    async with tenure.database.transaction() as connection:
        number: int = await connection.fetchval(
            "INSERT INTO inbox (source, dedupe_key, lane, body, state, settled_at, received_at)"
            " VALUES ($1, $2, 'chat:1', '{}', $3, now() - $4::float8 * interval '1 day', now() - interval '60 days')"
            " RETURNING id",
            source,
            key,
            state,
            days,
        )
    return number


async def keys(pool: Any) -> list[str]:
    return [row["dedupe_key"] for row in await pool.fetch("SELECT dedupe_key FROM inbox ORDER BY id")]


async def test_only_what_is_settled_and_old_enough_goes(pool: Any, tenure: Tenure) -> None:
    """Done after two days, dead after thirty; what waits or is being handled stays, however old it is."""
    for key, state, days in (("a", "done", 2.1), ("b", "done", 1.9), ("c", "dead", 30.1), ("d", "dead", 29.9)):
        await aged(tenure, key, state, days)
    taken, _ = await store(pool, Sample("claimed"), Sample("ready", "chat:2"))
    async with tenure.database.transaction() as connection:
        await tenure.claims.claim(connection, {taken: 1})
        await connection.execute("UPDATE inbox SET received_at = now() - interval '1 year' WHERE settled_at IS NULL")
    with testing.record() as recorded:
        async with removing(tenure):
            await recorded.next(events.RowsRemoved)
            await recorded.next(events.RowsRemoved)
    assert await keys(pool) == ["b", "d", "claimed", "ready"]
    assert [(event.kind, event.rows) for event in recorded.all(events.RowsRemoved)] == [
        ("inbox_done", 1),
        ("inbox_dead", 1),
    ]


@pytest.mark.parametrize("state", ["done", "dead"])
async def test_more_rows_than_a_batch_go_batch_by_batch(pool: Any, tenure: Tenure, state: str) -> None:
    """Also where many were settled at one instant, as a batched settlement does."""
    async with tenure.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO inbox (source, dedupe_key, lane, body, state, settled_at)"
            " SELECT 'telegram', n, 'chat:1', '{}', $1, now() - interval '31 days' FROM generate_series(1, 95) AS n",
            state,
        )
    with testing.record() as recorded:
        async with removing(tenure):
            assert [(await recorded.next(events.RowsRemoved)).rows for _ in range(10)] == [10] * 9 + [5]
    assert await keys(pool) == []


async def test_between_batches_it_rests_in_proportion_to_their_time(tenure: Tenure) -> None:
    """A slow database is left alone the longer; here every batch takes ten seconds of a clock of its own."""
    for key in "abcd":
        await aged(tenure, key, "done", 3)
    ticks = itertools.count(0.0, 10.0)
    pace = Pace(rows=1, rest=0.01, least_rest_seconds=0.0, anew_seconds=DAY)
    with testing.record() as recorded:
        async with removing(tenure, pace, lambda: next(ticks)):
            times = [(await recorded.next(events.RowsRemoved), anyio.current_time())[1] for _ in range(4)]
    assert all(later - earlier >= 0.09 for earlier, later in itertools.pairwise(times))


async def test_a_row_that_somebody_holds_is_passed_over_and_goes_at_a_later_look(
    pool: Any, tenure: Tenure, database_url: str
) -> None:
    """Neither waits for the other."""
    held = await aged(tenure, "held", "done", 3)
    await aged(tenure, "free", "done", 3)
    connection: Any = await asyncpg.connect(database_url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT FROM inbox WHERE id = $1 FOR UPDATE", held)
        pace = Pace(rows=10, rest=0.0, least_rest_seconds=0.0, look_seconds=0.01, anew_seconds=0.05)
        async with removing(tenure, pace):
            await until(lambda: _are(pool, "held"))
            assert await pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0
            await transaction.rollback()
            await until(lambda: _are(pool))
    finally:
        await connection.close()


async def _are(pool: Any, *wanted: str) -> bool:
    return await keys(pool) == list(wanted)


async def test_arrivals_and_claims_do_not_wait_for_a_batch(pool: Any, tenure: Tenure, database_url: str) -> None:
    """While a batch is open, with its rows removed and not committed, both go through without waiting for a lock."""
    await aged(tenure, "old", "done", 3)
    (waiting,) = await store(pool, Sample("waiting", "chat:2"))
    query = retention.of_inbox()[0]
    async with tenure.database.transaction() as removal:
        found = await removal.fetchrow(query.query, retention.BEGINNING, 0, query.seconds, 10)
        assert found["removed"] == 1
        async with tenure.database.transaction() as work:
            await work.execute("SET LOCAL lock_timeout = '1ms'")
            assert [row.dedupe_key for row in await tenure.claims.claim(work, {waiting: 1})] == ["waiting"]
        writer: Any = await asyncpg.connect(database_url, server_settings={"lock_timeout": "1"})
        await writer.execute("INSERT INTO inbox (source, dedupe_key, lane, body) VALUES ('telegram', 'new', 'x', '')")
        await writer.close()
    assert await keys(pool) == ["waiting", "new"]


async def test_a_table_that_is_being_changed_holds_up_nothing_but_the_removal(
    pool: Any, tenure: Tenure, database_url: str
) -> None:
    """It stands back after a moment, so nobody queues behind it, and goes on when the table is free."""
    await aged(tenure, "old", "done", 3)
    connection: Any = await asyncpg.connect(database_url)
    try:
        with testing.record() as recorded:
            async with connection.transaction():
                await connection.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
                async with removing(tenure):
                    found = await recorded.next(events.RetentionHeldUp)
                    assert isinstance(found.error, asyncpg.LockNotAvailableError)
            async with removing(tenure):
                await recorded.next(events.RowsRemoved)
    finally:
        await connection.close()


async def test_a_duplicate_within_the_kept_time_is_still_one(pool: Any, tenure: Tenure) -> None:
    """Telegram repeats an update for a day: its key is still there, and a day later still."""
    await aged(tenure, "7", "done", 1.9)
    await aged(tenure, "8", "done", 2.1)
    with testing.record() as recorded:
        async with removing(tenure):
            await recorded.next(events.RowsRemoved)
    stored = "INSERT INTO inbox (source, dedupe_key, lane, body) VALUES ('telegram', $1, 'chat:1', '') ON CONFLICT DO NOTHING"
    assert await pool.execute(stored, "7") == "INSERT 0 0"
    assert await pool.execute(stored, "8") == "INSERT 0 1"


async def test_a_term_that_is_over_removes_nothing(pool: Any, begin: Begin) -> None:
    """The database refuses it, and its child ends."""
    old = await begin()
    await aged(old, "old", "done", 3)
    await begin()
    with pytest.raises(ExceptionGroup) as raised:
        async with removing(old):
            await anyio.sleep_forever()
    assert raised.group_contains(Fenced)
    assert await keys(pool) == ["old"]


async def message(tenure: Tenure, days: float, state: str = "sent", edits: int | None = None) -> int:
    """Put one message into the outbox that was settled so many days ago."""
    async with tenure.database.transaction() as connection:
        number: int = await connection.fetchval(
            "INSERT INTO outbox (lane, chat_id, method, params, state, edits, settled_at)"
            " VALUES ('chat:1', 1, 'sendMessage', '{}', $1, $2::bigint,"
            "         CASE WHEN $1 <> 'ready' THEN now() - $3::float8 * interval '1 day' END) RETURNING id",
            state,
            edits,
            days,
        )
    return number


async def generation(tenure: Tenure, shown_by: int, *states: str) -> None:
    """Let a generation be announced by a message, and go through these states."""
    async with tenure.database.transaction() as connection:
        await connection.execute("INSERT INTO users (id, language) VALUES (1, 'en') ON CONFLICT DO NOTHING")
        number = await connection.fetchval(
            "INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price, status_outbox_id)"
            " VALUES (1, 1, 'chat:1', 'm', '{}', 0, $1) RETURNING id",
            shown_by,
        )
        for state in states:
            await connection.execute(
                "UPDATE generation SET state = $2, settled_at = CASE WHEN $2 = 'expired' THEN now() END WHERE id = $1",
                number,
                state,
            )


async def test_a_message_stays_as_long_as_somebody_may_edit_it(pool: Any, tenure: Tenure) -> None:
    """One of an open generation, one with an edit that is kept; the others go, with what an ended generation shows."""
    plain, fresh, waiting = await message(tenure, 8), await message(tenure, 6), await message(tenure, 8, "ready")
    failed, ended, open_ = await message(tenure, 8, "failed"), await message(tenure, 8), await message(tenure, 8)
    edited = await message(tenure, 8)
    edit = await message(tenure, 6, edits=edited)
    await generation(tenure, ended, "expired")
    await generation(tenure, open_)
    with testing.record() as recorded:
        async with removing(tenure):
            await recorded.next(events.RowsRemoved)
    left = {row["id"] for row in await pool.fetch("SELECT id FROM outbox")}
    assert left == {fresh, waiting, open_, edited, edit}
    assert {plain, failed, ended} & left == set()
    shown = await pool.fetch("SELECT state, status_outbox_id FROM generation ORDER BY id")
    assert [tuple(row) for row in shown] == [("expired", None), ("quoted", open_)]


async def test_a_batch_that_is_held_up_is_tried_again_with_half_as_many_rows(
    pool: Any, tenure: Tenure, database_url: str
) -> None:
    """And the other tables do not wait for it."""
    shown = [await message(tenure, 8) for _ in range(12)]
    await generation(tenure, shown[0], "expired")
    await aged(tenure, "old", "done", 3)
    connection: Any = await asyncpg.connect(database_url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT FROM generation FOR UPDATE")
        with testing.record() as recorded:
            async with removing(tenure):
                assert [(await recorded.next(events.RetentionHeldUp)).rows for _ in range(3)] == [10, 5, 2]
                assert await keys(pool) == []
                await transaction.rollback()
                await until(lambda: _no_messages(pool))
        batches = [event.rows for event in recorded.all(events.RowsRemoved) if event.kind == "outbox"]
        assert batches[0] < batches[1], "it finds its way back"
    finally:
        await connection.close()


async def test_a_message_goes_with_its_last_edit(pool: Any, tenure: Tenure) -> None:
    """The edits first, the message when the looks begin anew."""
    edited = await message(tenure, 9)
    await message(tenure, 8, edits=edited)
    await message(tenure, 8, "superseded", edits=edited)
    pace = Pace(rows=10, rest=0.0, least_rest_seconds=0.0, look_seconds=0.01, anew_seconds=0.05)
    async with removing(tenure, pace):
        await until(lambda: _no_messages(pool))


async def _no_messages(pool: Any) -> bool:
    return bool(await pool.fetchval("SELECT count(*) FROM outbox") == 0)


@pytest.mark.parametrize("keep", keeps(), ids=lambda keep: keep.kind)
async def test_a_batch_finds_its_rows_by_an_index(pool: Any, tenure: Tenure, keep: Keep) -> None:
    """A full look at the table, or a sort of it, would grow with every row that is kept."""
    async with tenure.database.transaction() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        await connection.execute("SET LOCAL enable_bitmapscan = off")
        plan = await connection.fetch(
            f"EXPLAIN {keep.query}".replace("$1", "'-infinity'")
            .replace("$2", "0")
            .replace("$3", "1")
            .replace("$4", "9")
        )
    text = "\n".join(row[0] for row in plan)
    assert INDEXES[keep.kind] in text
    # The wishes are few: they are looked through for one that is not fulfilled yet.
    assert "Seq Scan" not in text.partition("CTE let_go")[0].replace("Seq Scan on erasure", "")


def test_the_times_are_those_of_the_document() -> None:
    """Two days for what rejects duplicates, a month for dead letters, a week for messages; who is forgotten waits for none."""
    assert [keep.seconds / DAY for keep in keeps()] == [2, 30, 7, 0, 0]
