"""How batches are cut, and what a batch does that the database does not take as it is."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import anyio
import pytest

from supervisor.inbox.batch import Batch, Waiter
from supervisor.inbox.writer import NotStored
from telemetry import events, testing, tracing
from tests.conftest import Server
from tests.integration.children import running
from tests.integration.supervisor.inbox.conftest import DEADLINE_SECONDS, Sample, until
from tests.integration.supervisor.inbox.test_writer import is_accepted, keys, put_all, writer_on

KILL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE application_name = 'vigil inbox' AND datname = current_database()"
)
HOLD = "INSERT INTO inbox (source, dedupe_key, lane, body) VALUES ('telegram', $1, 'x', '') ON CONFLICT DO NOTHING"


@pytest.mark.parametrize(
    "poison",
    [Sample("p", lane="chat:\0"), Sample("p", dead="\0"), Sample("p", lane="\ud800"), Sample(secrets.token_hex(9_000))],
)
async def test_one_bad_row_among_many_is_found_in_a_few_statements(
    database_url: str, pool: Any, poison: Sample
) -> None:
    """The batch is halved until the row is alone: a slow disk must not make all others late. A key too long is bad too."""
    writer = writer_on(database_url)
    good = [Sample(str(number)) for number in range(256)]
    with testing.record() as recorded:
        async with running(writer.serve):
            started = await commits(pool)
            told = await put_all(writer, [*good[:100], poison, *good[100:]])
            assert isinstance(told[100], NotStored)
            assert told[100].reason == "refused"
            assert told[:100] + told[101:] == ["new"] * 256
    assert await keys(pool) == [str(number) for number in range(256)]
    assert [event.source for event in recorded.all(events.InboxRowRefused)] == ["telegram"]
    assert await commits(pool) - started < 40
    assert recorded.all(events.InboxWriterLost) == []


async def commits(pool: Any) -> int:
    """Return how many transactions have stored rows: each has an id of its own."""
    return int(await pool.fetchval("SELECT count(DISTINCT xmin::text) FROM inbox"))


async def test_no_half_is_written_after_its_deadline(pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who brought it was told to come again, and the batches behind it wait."""
    monkeypatch.setattr("supervisor.inbox.batch.LEAST_SECONDS", 10.0)
    now, loop = anyio.current_time(), asyncio.get_running_loop()
    waiters = [Waiter(Sample(key), now, loop.create_future(), None) for key in ("1", "nul\0", "2")]
    async with pool.acquire() as connection:
        await Batch(waiters, lambda: None).store(connection)
    assert [waiter.told.result() for waiter in waiters] == ["late"] * 3
    assert await keys(pool) == []


async def test_a_traceparent_that_the_database_refuses_costs_only_its_row(
    database_url: str, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ours, not the sender's, and yet nothing may hang on it but its own row."""
    writer, given = writer_on(database_url), iter(["00-a", "nul\0", "00-b"])
    monkeypatch.setattr(tracing, "inject", lambda: next(given))
    async with running(writer.serve):
        told = await put_all(writer, [Sample("1"), Sample("2"), Sample("3")])
    assert (told[0], told[2]) == ("new", "new")
    assert isinstance(told[1], NotStored)
    assert await pool.fetch("SELECT dedupe_key, traceparent FROM inbox ORDER BY id") == [("1", "00-a"), ("3", "00-b")]


async def test_a_batch_is_bounded_in_bytes_and_a_larger_row_goes_alone(database_url: str, pool: Any) -> None:
    """Large bodies do not pile up in one statement; order and truth stay the same."""
    writer = writer_on(database_url, batch_bytes=2_000)
    sizes = [900, 900, 900, 5_000, 100, 1_000]
    with testing.record() as recorded:
        async with running(writer.serve):
            arrivals = [Sample(str(number), body=b"x" * size) for number, size in enumerate(sizes)]
            assert await put_all(writer, arrivals) == ["new"] * 6
    assert [event.rows for event in recorded.all(events.InboxFlushed)] == [2, 1, 1, 2]
    assert await keys(pool) == [str(number) for number in range(6)]


async def test_the_servers_own_time_limit_makes_a_batch_late_and_nothing_else(database_url: str, pool: Any) -> None:
    """Nobody is told a falsehood, the connection stays, and what comes after is stored."""
    await pool.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 200', current_database()); END $$"
    )
    writer = writer_on(database_url)
    with testing.record() as recorded:
        async with running(writer.serve), pool.acquire() as holder:
            blocking = holder.transaction()
            await blocking.start()
            await holder.execute(HOLD, "1")
            told = await put_all(writer, [Sample("1"), Sample("2")])
            assert [result.reason for result in told if isinstance(result, NotStored)] == ["late", "late"]
            await blocking.rollback()
            assert await put_all(writer, [Sample("1"), Sample("2")]) == ["new", "new"]
        assert recorded.all(events.InboxWriterLost) == []


async def test_a_batch_that_ends_a_deadlock_is_stored_row_by_row(database_url: str, pool: Any, server: Server) -> None:
    """Two instances with the same keys in another order wait for each other; a row alone waits for nobody in turn."""
    await anyio.to_thread.run_sync(server.admin, "GRANT SET ON PARAMETER deadlock_timeout TO vigil")
    writer = writer_on(database_url, seconds=8.0)
    told: list[Any] = []
    async with running(writer.serve), pool.acquire() as first, pool.acquire() as rival:
        holding, rivalling = first.transaction(), rival.transaction()
        await holding.start()
        await rivalling.start()
        await first.execute(HOLD, "2")
        await rival.execute(HOLD, "3")
        # Only the writer looks for a deadlock.
        await rival.execute("SET LOCAL deadlock_timeout = '60s'")

        async def put() -> None:
            told.extend(await put_all(writer, [Sample("1"), Sample("2"), Sample("3")]))

        async def compete() -> None:
            await rival.execute(HOLD, "1")
            await rivalling.commit()

        async with anyio.create_task_group() as group:
            group.start_soon(put)
            await until(lambda: are_waiting(pool, 1))
            group.start_soon(compete)
            await until(lambda: are_waiting(pool, 2))
            # The writer's batch goes on to what its rival holds, which waits for what the batch holds.
            await holding.rollback()
    assert told[0] in {"new", "duplicate"}
    assert told[1:] == ["new", "duplicate"]
    assert sorted(await keys(pool)) == ["1", "2", "3"]


async def are_waiting(pool: Any, number: int) -> bool:
    """Return whether so many connections wait for a row or a table that others hold."""
    found = await pool.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    return bool(found >= number)


async def test_a_database_that_cannot_store_refuses_all_and_is_tried_again(database_url: str, pool: Any) -> None:
    """Read-only after a failover, say: that is no row's fault, so nothing is taken apart, and it heals by itself."""
    writer = writer_on(database_url)
    with testing.record() as recorded:
        async with running(writer.serve):
            await pool.execute("ALTER TABLE inbox RENAME TO elsewhere")
            told = await put_all(writer, [Sample("1"), Sample("2")])
            assert [result.reason for result in told if isinstance(result, NotStored)] == ["lost", "lost"]
            await pool.execute("ALTER TABLE elsewhere RENAME TO inbox")
            await until(lambda: is_accepted(writer, Sample("3")))
    assert recorded.all(events.InboxRowRefused) == []
    assert await keys(pool) == ["3"]


async def test_a_full_buffer_takes_arrivals_again_once_it_has_drained(database_url: str, pool: Any) -> None:
    """The refusal comes at once, not after the deadline, and lasts no longer than the trouble."""
    writer = writer_on(database_url, rows=4, bytes=11, seconds=30.0)
    async with running(writer.serve), anyio.create_task_group() as group:
        async with pool.acquire() as holder, holder.transaction():
            await holder.execute("LOCK TABLE inbox IN SHARE MODE")
            group.start_soon(put_all, writer, [Sample("first")])
            await until(lambda: are_waiting(pool, 1))
            group.start_soon(put_all, writer, [Sample(str(number)) for number in range(4)])
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(NotStored, match="full"):
                await writer.put(Sample("too much"))
        await until(lambda: is_accepted(writer, Sample("after")))
    assert await keys(pool) == ["first", "0", "1", "2", "3", "after"]


async def test_who_gave_up_before_its_turn_is_not_written(database_url: str, pool: Any) -> None:
    """Nobody waits for the row any more, and whoever brought it will bring it again."""
    writer = writer_on(database_url, seconds=30.0)
    async with running(writer.serve), anyio.create_task_group() as group:
        async with pool.acquire() as holder, holder.transaction():
            await holder.execute("LOCK TABLE inbox IN SHARE MODE")
            group.start_soon(put_all, writer, [Sample("first")])
            await until(lambda: are_waiting(pool, 1))
            with anyio.move_on_after(0.01):
                await writer.put(Sample("gone"))
        assert await writer.put(Sample("last")) == "new"
    assert await keys(pool) == ["first", "last"]


async def test_the_batch_under_way_hears_at_once_of_a_lost_connection(database_url: str, pool: Any) -> None:
    """Not at its deadline, and not never."""
    writer, told = writer_on(database_url, seconds=30.0), list[object]()

    async def put() -> None:
        told.extend(await put_all(writer, [Sample("1")]))

    async with (
        running(writer.serve),
        anyio.create_task_group() as group,
        pool.acquire() as holder,
        holder.transaction(),
    ):
        await holder.execute("LOCK TABLE inbox IN SHARE MODE")
        group.start_soon(put)
        await until(lambda: are_waiting(pool, 1))
        await holder.execute(KILL)
        with anyio.fail_after(DEADLINE_SECONDS):
            while not told:
                await anyio.lowlevel.checkpoint()
    assert [result.reason for result in told if isinstance(result, NotStored)] == ["lost"]
