"""A database that is not made for leading: nobody contends, the reason is seen, and it comes back by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from supervisor.view import LockState
from telemetry import events, testing

Contest = Callable[..., Awaitable[Any]]
DEADLINE = 10.0


@asynccontextmanager
async def without(db: Any, function: str) -> AsyncIterator[None]:
    """Let the database lack a function while the block runs."""
    source = await db.fetchval("SELECT pg_get_functiondef($1::text::regprocedure)", function)
    await db.execute(f"DROP FUNCTION {function}")
    try:
        yield
    finally:
        await db.execute(source)


@pytest.mark.parametrize(
    "function",
    ["lock_renew(bigint, text, bigint, integer)", "lock_claim(bigint, text, integer, bigint, bigint, text, boolean)"],
)
async def test_a_missing_function_makes_it_passive_with_a_reason_and_no_crash_loop(
    contest: Contest, db: Any, recorded: testing.Recorder, function: str
) -> None:
    """Found at the first look or at the first claim; contends again by itself once the function is there."""
    async with without(db, function):
        a = await contest("a")
        view = await a.until(lambda view: view.reason == "schema")
        assert view.role == "PASSIVE"
        assert (await recorded.next(events.LockMisconfigured, timeout=DEADLINE)).kind == "schema"
        assert recorded.all(events.TermWon) == []
    assert (await a.working()).epoch == 1


async def test_a_standby_that_could_not_renew_says_so_before_it_is_needed(contest: Contest, db: Any) -> None:
    """Another instance holds the lock for a minute yet: the probe calls the real renew without one."""
    await db.fetchval("SELECT lock_claim(4213370000000000001, 'other', 60000, NULL, NULL, 'free')")
    async with without(db, "lock_renew(bigint, text, bigint, integer)"):
        a = await contest("a")
        assert (await a.until(lambda view: view.reason == "schema")).role == "PASSIVE"
    await a.until(lambda view: view.reason == "waiting")


async def test_a_heartbeat_that_breaks_under_the_holder_ends_its_term_and_nobody_takes_over(
    contest: Contest, db: Any, recorded: testing.Recorder
) -> None:
    """The predecessor's incident: the term ends, no instance contends, and repair brings one back within a second."""
    a = await contest("a")
    term = await a.working()
    b = await contest("b")
    await b.until(lambda view: view.holder == "a")
    async with without(db, "lock_renew(bigint, text, bigint, integer)"):
        with anyio.fail_after(DEADLINE):
            assert await a.keeper.lost(term) == "misconfigured"
        a.keeper.work_ended(term)
        await a.until(lambda view: view.reason == "schema")
        await b.until(lambda view: view.reason == "schema")
        assert await db.fetchval("SELECT epoch FROM lock_epoch") == 1
    began = anyio.current_time()
    await recorded.next(events.TermWon, timeout=DEADLINE)
    assert (await recorded.next(events.TermWon, timeout=DEADLINE)).epoch == 2
    assert anyio.current_time() - began < 2.5
    events_found = await db.fetch(
        "SELECT epoch, kind FROM lock_events WHERE epoch = 1 OR kind <> 'demotion' ORDER BY id"
    )
    assert [tuple(row) for row in events_found if row["epoch"] == 1] == [(1, "first"), (1, "demotion")]
    assert [row["epoch"] for row in events_found if row["kind"] not in {"demotion", "release"}] == [1, 2]


async def test_a_row_taken_by_another_ends_the_term_at_the_next_beat(contest: Contest, db: Any) -> None:
    """Whoever renews nothing is no holder, whatever it believes."""
    a = await contest("a")
    term = await a.working()
    await db.execute("UPDATE lock_heartbeat SET instance_id = 'thief'")
    with anyio.fail_after(DEADLINE):
        assert await a.keeper.lost(term) == "fenced"
    await a.until_state(LockState.DEMOTED)


async def test_a_writer_of_an_old_term_is_ended_when_a_claim_has_waited_for_it(
    contest: Contest, db: Any, connect: Callable[[], Awaitable[Any]], recorded: testing.Recorder
) -> None:
    """Exactly the session that holds the fence: one that is merely idle in a transaction stays."""
    await db.fetchval("SELECT lock_claim(4213370000000000001, 'old', 1600, NULL, NULL, 'free')")
    await db.fetchval("SELECT lock_release(4213370000000000001, 'old', 1)")
    writer, reader = await connect(), await connect()
    await writer.transaction().start()
    await writer.execute("SELECT lock_fence(4213370000000000001, 1)")
    await reader.transaction().start()
    await reader.execute("SELECT count(*) FROM lock_epoch")
    a = await contest("a")
    assert (await recorded.next(events.WritersEnded, timeout=DEADLINE)).sessions == 1
    assert (await recorded.next(events.ClaimFailed, timeout=DEADLINE)).kind == "writer_in_flight"
    assert (await a.working()).epoch == 2
    with anyio.fail_after(DEADLINE):
        while not writer.is_closed():  # noqa: ASYNC110 - asyncpg wakes nobody for it
            await anyio.sleep(0.005)
    assert await reader.fetchval("SELECT 1") == 1


async def test_standbys_that_wait_for_one_frozen_writer_together_stay_alive(
    contest: Contest, db: Any, connect: Callable[[], Awaitable[Any]], recorded: testing.Recorder
) -> None:
    """One claim waits for the writer, the others for that claim: whoever waits too long tries again, and one wins."""
    await db.fetchval("SELECT lock_claim(4213370000000000001, 'old', 100, NULL, NULL, 'free')")
    writer = await connect()
    await writer.transaction().start()
    await writer.execute("SELECT lock_fence(4213370000000000001, 1)")
    standbys = [await contest(f"s{number}") for number in range(4)]
    assert (await recorded.next(events.TermWon, timeout=2 * DEADLINE)).epoch == 2
    assert (await recorded.next(events.WritersEnded, timeout=DEADLINE)).sessions == 1
    # A claim that has waited for long may win a term that is over already, and is won again.
    for standby in standbys:
        await standby.until(lambda view: (view.epoch or 0) >= 2 and view.holder is not None)


async def test_a_row_that_somebody_has_locked_ends_no_keeper(
    contest: Contest, db: Any, connect: Callable[[], Awaitable[Any]], recorded: testing.Recorder
) -> None:
    """For instance a holder behind a pooler, cut off between its renew and the commit."""
    await db.fetchval("SELECT lock_claim(4213370000000000001, 'dead', 100, NULL, NULL, 'free')")
    locker = await connect()
    attempt = locker.transaction()
    await attempt.start()
    await locker.execute("SELECT FROM lock_heartbeat FOR UPDATE")
    b = await contest("b")
    assert (await recorded.next(events.ClaimFailed, timeout=DEADLINE)).kind == "writer_in_flight"
    await attempt.rollback()
    assert (await b.working()).epoch == 2
    assert recorded.all(events.WritersEnded) == []


async def test_the_database_of_another_bot_is_not_contended_for(contest: Contest, db: Any) -> None:
    """A second lock key in one database would let two terms write to the same tables."""
    await db.fetchval("SELECT lock_claim(1, 'other', 60000, NULL, NULL, 'free')")
    a = await contest("a")
    view = await a.until(lambda view: view.reason == "foreign")
    assert view.role == "PASSIVE"
