"""Durable acceptance on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest
from anyio.from_thread import BlockingPortal

from supervisor.embedded import THROWAWAY
from supervisor.inbox.batch import Outcome
from supervisor.inbox.writer import Limits, NotStored, Writer
from supervisor.migrator import apply_migrations_safe
from telemetry import events, testing
from tests.conftest import Server
from tests.integration.children import running
from tests.integration.supervisor.inbox.conftest import DEADLINE_SECONDS, Sample, until

SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END $$;
CREATE TRIGGER zz_slow AFTER INSERT ON inbox FOR EACH STATEMENT EXECUTE FUNCTION slow();
"""


def writer_on(url: str, **limits: Any) -> Writer:
    return Writer(lambda: url, limits=Limits(**limits), rng=random.Random(1))


async def put_all(writer: Writer, arrivals: Sequence[Sample]) -> list[Outcome | NotStored]:
    """Put at the same time, in this order; return what each was told."""
    told: dict[int, Outcome | NotStored] = {}

    async def put(number: int) -> None:
        try:
            told[number] = await writer.put(arrivals[number])
        except NotStored as error:
            told[number] = error

    with anyio.fail_after(DEADLINE_SECONDS):
        async with anyio.create_task_group() as group:
            for number in range(len(arrivals)):
                group.start_soon(put, number)
    return [told[number] for number in range(len(arrivals))]


async def keys(pool: Any) -> list[str]:
    return [row["dedupe_key"] for row in await pool.fetch("SELECT dedupe_key FROM inbox ORDER BY id")]


async def test_put_returns_when_the_row_is_committed(database_url: str, pool: Any) -> None:
    """Another connection sees the row, whole, as soon as put has returned."""
    writer = writer_on(database_url)
    arrival = Sample("1", "chat:-100", b"\x00\xff{")
    async with running(writer.serve):
        assert await writer.put(arrival) == "new"
        row = await pool.fetchrow("SELECT * FROM inbox")
    assert (row["source"], row["dedupe_key"], row["lane"], row["body"]) == ("telegram", "1", "chat:-100", b"\x00\xff{")
    assert (row["state"], row["attempts"], row["settled_at"]) == ("ready", 0, None)


async def test_equal_keys_in_one_batch_are_one_row_and_one_of_them_was_new(database_url: str, pool: Any) -> None:
    """The first of them brought it; the same key of another source is another thing."""
    writer = writer_on(database_url)
    async with running(writer.serve):
        told = await put_all(writer, [Sample("1"), Sample("1"), Sample("2"), Sample("1"), Sample("1", source="kie")])
        assert await put_all(writer, [Sample("2"), Sample("3")]) == ["duplicate", "new"]
    assert told == ["new", "duplicate", "new", "duplicate", "new"]
    assert await keys(pool) == ["1", "2", "1", "3"]


async def test_a_crowd_shares_commits_and_keeps_its_order(database_url: str, pool: Any) -> None:
    """A thousand waiters are written in a few batches, in the order in which they came."""
    writer = writer_on(database_url)
    with testing.record() as recorded:
        async with running(writer.serve):
            told = await put_all(writer, [Sample(str(number), f"chat:{number % 7}") for number in range(1000)])
    assert set(told) == {"new"}
    assert await keys(pool) == [str(number) for number in range(1000)]
    assert len(recorded.all(events.InboxFlushed)) <= 6


async def test_behind_a_commit_that_was_slow_all_who_wait_share_the_next(database_url: str, pool: Any) -> None:
    """A disk that stalls: by halves the last of them would wait for one slow commit after the other, and be too late."""
    await pool.execute(SLOW)
    writer = writer_on(database_url)
    with testing.record() as recorded:
        async with running(writer.serve):
            told = await put_all(writer, [Sample(str(number), f"chat:{number % 7}") for number in range(900)])
    assert set(told) == {"new"}
    assert [flushed.rows for flushed in recorded.all(events.InboxFlushed)] == [450, 450]


@pytest.mark.parametrize("poison", [Sample("nul\0"), Sample("lone\ud800"), Sample("9", source="pigeon")])
async def test_a_row_that_the_database_refuses_loses_no_other_row_of_its_batch(
    database_url: str, pool: Any, poison: Sample
) -> None:
    """A NUL, a lone surrogate, an unknown source: only who brought it is turned away."""
    writer = writer_on(database_url)
    async with running(writer.serve):
        told = await put_all(writer, [Sample("1"), poison, Sample("2"), Sample("1")])
        assert await writer.put(Sample("3")) == "new"
    assert [told[0], told[2], told[3]] == ["new", "new", "duplicate"]
    assert isinstance(told[1], NotStored)
    assert told[1].reason == "refused"
    assert await keys(pool) == ["1", "2", "3"]


@pytest.mark.parametrize(
    "body", [b'{"text": "\\u0000"}', b"\x00" * 9, b'{"text": "\\ud800"}', b"\xed\xa0\x80", b"", b"x" * (1 << 20)]
)
async def test_any_bytes_are_kept_as_they_are(database_url: str, pool: Any, body: bytes) -> None:
    """NUL, lone surrogates, nothing at all, a megabyte: the body comes out as it went in."""
    writer = writer_on(database_url)
    async with running(writer.serve):
        assert await writer.put(Sample("1", body=body)) == "new"
    assert await pool.fetchval("SELECT body FROM inbox") == body


async def test_a_dead_arrival_is_kept_dead_with_its_reason(database_url: str, pool: Any) -> None:
    """It is settled from the start, and counted."""
    writer = writer_on(database_url)
    with testing.record() as recorded:
        async with running(writer.serve):
            await writer.put(Sample("1", dead="the body is not JSON"))
    row = await pool.fetchrow("SELECT state, last_error, settled_at IS NOT NULL AS settled FROM inbox")
    assert tuple(row) == ("dead", "the body is not JSON", True)
    assert [event.reason for event in recorded.all(events.UpdateDead)] == ["the body is not JSON"]


async def test_before_it_is_connected_nothing_is_accepted(database_url: str) -> None:
    """Who asks is told at once when to come again."""
    with pytest.raises(NotStored, match="not connected") as refused, anyio.fail_after(DEADLINE_SECONDS):
        await writer_on(database_url).put(Sample("1"))
    assert refused.value.retry_after >= 1


async def test_a_full_buffer_refuses_and_stores_the_rest(database_url: str, pool: Any) -> None:
    """Rows and bytes are bounded; what was accepted is stored all the same."""
    writer = writer_on(database_url, rows=3, bytes=1000)
    async with running(writer.serve):
        told = await put_all(writer, [Sample(str(number)) for number in range(5)])
        big = await put_all(writer, [Sample("a", body=b"x" * 600), Sample("b", body=b"x" * 600)])
    assert [result for result in told if result == "new"] == ["new"] * 3
    assert [result.reason for result in (*told, *big) if isinstance(result, NotStored)] == ["full"] * 3
    assert await keys(pool) == ["0", "1", "2", "a"]


async def test_nobody_waits_longer_than_the_deadline(database_url: str, pool: Any) -> None:
    """While another transaction holds the key, the answer is "not stored" after the deadline, and it heals itself."""
    writer = writer_on(database_url, seconds=0.3)
    async with running(writer.serve), pool.acquire() as holder:
        blocking = holder.transaction()
        await blocking.start()
        await holder.execute("INSERT INTO inbox (source, dedupe_key, lane, body) VALUES ('telegram', '1', 'x', '')")
        began = anyio.current_time()
        told = await put_all(writer, [Sample("1"), Sample("2")])
        assert anyio.current_time() - began < 1.5
        assert {result.reason for result in told if isinstance(result, NotStored)} <= {"late", "lost"}
        assert all(isinstance(result, NotStored) for result in told)
        await blocking.rollback()
        await until(lambda: is_accepted(writer, Sample("1")))
    # What was not known to be stored may be there, once.
    assert sorted(await keys(pool)) in (["1"], ["1", "2"])


async def is_accepted(writer: Writer, arrival: Sample) -> bool:
    try:
        await writer.put(arrival)
    except NotStored:
        # A refusal comes at once: let the writer connect meanwhile.
        await anyio.lowlevel.checkpoint()
        return False
    return True


async def test_a_waiter_that_gives_up_during_the_flush_harms_nobody(database_url: str, pool: Any) -> None:
    """Its row may be stored or not; those who stayed are told the truth."""
    writer = writer_on(database_url)
    async with running(writer.serve):
        impatient = asyncio.ensure_future(writer.put(Sample("1")))
        patient = asyncio.ensure_future(writer.put(Sample("2")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        impatient.cancel()
        assert await patient == "new"
        with pytest.raises(asyncio.CancelledError):
            await impatient
        await writer.put(Sample("1"))
    assert sorted(await keys(pool)) == ["1", "2"]


async def test_a_lost_connection_is_replaced_and_nothing_acknowledged_is_missing(
    database_url: str, pool: Any, server: Any
) -> None:
    """The backend is killed again and again under load; every "new" is in the table once."""
    writer = writer_on(database_url)
    acknowledged: list[str] = []

    async def load() -> None:
        for number in count():
            acknowledged.extend([str(number)] if await is_accepted(writer, Sample(str(number))) else [])

    with testing.record() as recorded:
        async with running(writer.serve), anyio.create_task_group() as group:
            group.start_soon(load)
            for _ in range(3):
                await recorded.next(events.InboxWriterConnected)
                await recorded.next(events.InboxFlushed)
                await pool.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'vigil inbox' AND datname = current_database()"
                )
                await recorded.next(events.InboxWriterLost)
            await recorded.next(events.InboxWriterConnected)
            await until(lambda: is_accepted(writer, Sample("after")))
            group.cancel_scope.cancel()
    stored = await keys(pool)
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)
    assert "after" in stored


async def test_a_stop_ends_the_flush_under_way_and_refuses_the_rest(database_url: str, pool: Any) -> None:
    """Who waits when the writer is stopped gets a true answer: stored, or to be offered again."""
    writer = writer_on(database_url, batch_rows=1)
    told: list[Outcome | NotStored] = []

    async def put() -> None:
        told.extend(await put_all(writer, [Sample(str(number)) for number in range(50)]))

    async with anyio.create_task_group() as group, running(writer.serve):
        group.start_soon(put)
        await until(lambda: some(pool))
    with pytest.raises(NotStored):
        await writer.put(Sample("late"))
    stored = await keys(pool)
    assert [str(number) for number, result in enumerate(told) if result == "new"] == stored
    assert len(told) == 50


async def some(pool: Any) -> bool:
    return bool(await pool.fetchval("SELECT EXISTS (SELECT FROM inbox)"))


async def test_every_commit_wakes_the_worker(database_url: str) -> None:
    """The event is set when put returns, without any notification in the database."""
    writer = writer_on(database_url)
    async with running(writer.serve):
        await writer.put(Sample("1"))
        with anyio.fail_after(1):
            await writer.stored.wait(60)


async def test_the_commit_is_synchronous_whatever_the_role_says(database_url: str, server: Any) -> None:
    """200 means on disk: a role's synchronous_commit = off does not weaken it."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off")
    try:
        async with writer_on(database_url)._connection() as opened:
            assert await opened.fetchval("SHOW synchronous_commit") == "on"
    finally:
        await connection.execute("ALTER ROLE CURRENT_USER RESET synchronous_commit")
        await connection.close()


async def test_a_restart_of_the_database_costs_no_acknowledged_row_and_no_restart_of_the_writer(
    home: Path, portal: BlockingPortal
) -> None:
    """While the server is away arrivals are refused; when it is back they are accepted, and the old ones are there."""
    server = Server(home, portal, THROWAWAY)
    stopping, stopped, starting = threading.Event(), threading.Event(), threading.Event()

    def run() -> None:
        with server.running():
            portal.call(apply_migrations_safe, server.url)
            up.set()
            stopping.wait(DEADLINE_SECONDS)
        stopped.set()
        starting.wait(DEADLINE_SECONDS)
        with server.running():
            finished.wait(DEADLINE_SECONDS)

    up, finished = threading.Event(), threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        await anyio.to_thread.run_sync(up.wait, DEADLINE_SECONDS)
        writer = writer_on(server.url)
        async with running(writer.serve):
            assert await writer.put(Sample("before")) == "new"
            stopping.set()
            await anyio.to_thread.run_sync(stopped.wait, DEADLINE_SECONDS)
            assert not await is_accepted(writer, Sample("meanwhile"))
            starting.set()
            await until(lambda: is_accepted(writer, Sample("after")))
            assert await writer.put(Sample("before")) == "duplicate"
    finally:
        for event in (stopping, starting, finished):
            event.set()
        await anyio.to_thread.run_sync(thread.join, DEADLINE_SECONDS)
