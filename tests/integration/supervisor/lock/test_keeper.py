"""The keeper against a real database: who leads, what a release needs, what the main loop may do to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest
from anyio.abc import TaskStatus

from supervisor.clock import boottime
from supervisor.term import TrustLost
from supervisor.timing import PROFILES
from supervisor.view import LockState
from telemetry import events, testing

Contest = Callable[..., Awaitable[Any]]
DEADLINE = 10.0


async def lease(on: Any) -> Any:
    """The lease as it stands."""
    return await on.fetchrow("SELECT * FROM lock_heartbeat")


async def test_of_two_keepers_one_is_active(contest: Contest) -> None:
    """The second one sees who holds the lock, and how long it would have to wait if the holder fell silent."""
    a = await contest("a")
    assert (await a.working()).epoch == 1
    b = await contest("b")
    view = await b.until(lambda view: view.holder == "a")
    assert (view.state, view.role, view.reason, view.epoch) == (LockState.PASSIVE, "PASSIVE", "waiting", 1)
    assert 0 < view.takeover_in(boottime()) <= 1.61
    assert view.heartbeat_age(boottime()) < 1
    assert (a.keeper.view.role, a.keeper.view.holder, a.keeper.view.epoch) == ("ACTIVE", "a", 1)
    assert a.keeper.view.heartbeat_age(boottime()) < 1
    assert a.keeper.view.takeover_in(boottime()) is None


async def test_a_living_holder_is_never_replaced(contest: Contest, db: Any, recorded: testing.Recorder) -> None:
    """Over more than two leases of standing by, nobody claims anything."""
    # Real times: with the tests' short ones a busy machine alone can make a renew late, which is no replacement.
    timing = PROFILES["fast"]
    await contest("a", timing=timing)
    b = await contest("b", timing=timing)
    await b.until(lambda view: view.holder is not None)
    beats = 2 + round(2 * timing.lease / timing.renew)
    with anyio.fail_after(4 * timing.lease):
        while (await lease(db))["beat"] < beats:
            await recorded.next(events.HeartbeatSucceeded, timeout=timing.lease)
    assert [won.epoch for won in recorded.all(events.TermWon)] == [1]
    assert recorded.all(events.HeartbeatFailed) == []


async def test_a_release_makes_the_other_active_at_once(contest: Contest, recorded: testing.Recorder) -> None:
    """The notification wakes the standby: it does not wait for its next look, which is a minute away."""
    a = await contest("a")
    term = await a.working()
    b = await contest("b", timing=slow_to_look(a.timing))
    await b.until(lambda view: view.holder == "a")
    a.keeper.work_ended(term)
    began = anyio.current_time()
    assert await a.keeper.release(DEADLINE) is True
    with anyio.fail_after(DEADLINE):
        assert (await b.keeper.active()).epoch == 2
    assert anyio.current_time() - began < 1
    assert a.keeper.view.state is LockState.RELEASED
    released = recorded.all(events.LockReleased)
    assert [event.epoch for event in released] == [1]
    assert recorded.all(events.TermLost) == []


def slow_to_look(timing: Any) -> Any:
    """A timing whose standby looks once a minute unless woken."""
    return replace(timing, watch=60.0, lease=120.0)


async def test_without_the_notification_the_next_look_finds_the_release(contest: Contest, db: Any) -> None:
    """NOTIFY is a hint: a release that nobody hears of is found by looking."""
    a = await contest("a")
    await a.until_state(LockState.ACTIVE)
    b = await contest("b")
    await b.until(lambda view: view.holder == "a")
    async with silent(db):
        assert await a.keeper.release(DEADLINE) is True
        assert (await b.until_state(LockState.ACTIVE)).epoch == 2


@asynccontextmanager
async def silent(db: Any) -> AsyncIterator[None]:
    """Let lock_release forget its notification."""
    source = await db.fetchval("SELECT pg_get_functiondef('lock_release(bigint, text, bigint)'::regprocedure)")
    quiet = source.replace("PERFORM pg_notify", "PERFORM concat")
    assert quiet != source
    await db.execute(quiet)
    try:
        yield
    finally:
        await db.execute(source)


async def test_nothing_is_released_before_the_work_has_ended(
    contest: Contest, db: Any, recorded: testing.Recorder
) -> None:
    """A drain renews as long as the work takes; the release follows the work, not the request."""
    a = await contest("a")
    term = await a.working()
    assert await a.keeper.release(0.05) is False
    assert await a.keeper.lost(term) == "draining"
    assert a.keeper.view.state is LockState.DRAINING
    term.check()
    beats = len(recorded.all(events.HeartbeatSucceeded))
    for _ in range(beats + 2):
        await recorded.next(events.HeartbeatSucceeded, timeout=DEADLINE)
    assert (await lease(db))["state"] == "held"
    a.keeper.work_ended(term)
    assert await a.keeper.release(DEADLINE) is True
    assert (await lease(db))["state"] == "free"
    with pytest.raises(TrustLost):
        term.check()


async def test_stopping_with_work_under_way_releases_nothing(contest: Contest, db: Any, recorded: Any) -> None:
    """The process is about to end with work that did not: only the lease's end may let the next one in."""
    a = await contest("a")
    term = await a.working()
    await a.stop()
    assert (await lease(db))["state"] == "held"
    assert term.ended == "drain"
    assert recorded.all(events.LockReleased) == []


async def test_stopping_without_work_releases(contest: Contest, db: Any) -> None:
    """A cancelled keeper whose term nobody took gives it back."""
    a = await contest("a")
    await a.until_state(LockState.ACTIVE)
    await a.stop()
    assert (await lease(db))["state"] == "free"
    assert a.keeper.view.role == "PASSIVE"


async def test_a_killed_holder_is_waited_for_and_then_replaced(
    contest: Contest, db: Any, recorded: testing.Recorder
) -> None:
    """Alone after a crash: the new process says how long it takes, waits for the old lease, takes over."""
    await db.fetchval("SELECT lock_claim(4213370000000000001, 'dead-1', 1600, NULL, NULL, 'free')")
    began = anyio.current_time()
    a = await contest("a")
    view = await a.until(lambda view: view.holder == "dead-1")
    assert 1 < view.takeover_in(boottime()) <= 1.61
    waiting = await recorded.next(events.ClaimWaiting, timeout=DEADLINE)
    assert (waiting.holder, waiting.epoch) == ("dead-1", 1)
    assert waiting.seconds_left == pytest.approx(1.6, abs=0.2)
    assert (await a.working()).epoch == 2
    assert 1.6 <= anyio.current_time() - began < 1.6 + 1
    won = recorded.all(events.TermWon)[0]
    assert (won.reason, won.previous_holder) == ("stale", "dead-1")


async def test_a_blocked_main_loop_delays_no_heartbeat(contest: Contest, recorded: testing.Recorder) -> None:
    """Renewing is the thread's: a main loop that hangs for longer than the soft deadline keeps its term."""
    a = await contest("a")
    term = await a.working()
    blocked_until = boottime() + a.timing.soft * 1.3
    while boottime() < blocked_until:
        pass
    term.check()
    assert recorded.all(events.HeartbeatFailed) == []


async def test_without_an_address_it_stands_by(contest: Contest) -> None:
    """The database may not have an address yet: that is no failure of the keeper's."""

    def no_address() -> str:
        raise ConnectionError("the database has no address yet")

    a = await contest("a", url=no_address)
    assert (await a.until(lambda view: view.reason == "database")).role == "PASSIVE"


async def test_a_failure_in_the_thread_is_the_childs_failure_and_ends_the_term(contest: Contest, link: Any) -> None:
    """What nobody expected reaches the tree, which starts the child again; the old term is never trusted again."""
    a = await contest("a", url=link.url)
    term = await a.working()
    a.url = unexpected
    link.cut()
    with anyio.fail_after(DEADLINE):
        assert await a.keeper.lost(term) == "error"
    assert isinstance(await a.failed(), ZeroDivisionError)
    a.url = link.url
    await link.mend()
    a.keeper.work_ended(term)
    async with anyio.create_task_group() as group:
        await group.start(serving, a.keeper)
        assert (await a.working()).epoch == 2
        group.cancel_scope.cancel()


def unexpected() -> str:
    """An address that fails like a mistake in the program."""
    raise ZeroDivisionError


async def serving(keeper: Any, *, task_status: TaskStatus[None]) -> None:
    """Run the keeper again."""
    await keeper.serve(task_status=task_status)


async def test_a_stalled_main_loop_gets_no_renew_and_loses_the_term(
    contest: Contest, db: Any, recorded: testing.Recorder
) -> None:
    """No brain-dead leader: the thread lives, the work does not, so the lease is left to end."""
    a = await contest("a", tick_limit=0.1)
    term = await a.working()
    a.stalled_at = boottime() - 60
    failed = await recorded.next(events.HeartbeatFailed, timeout=DEADLINE)
    assert failed.kind == "stalled"
    beat = (await lease(db))["beat"]
    with anyio.fail_after(DEADLINE):
        assert await a.keeper.lost(term) == "stalled"
    assert (await lease(db))["beat"] == beat
    a.keeper.work_ended(term)
    await a.until(lambda view: view.state is LockState.PASSIVE and view.reason == "stalled")
    assert await db.fetchval("SELECT epoch FROM lock_epoch") == 1
    a.stalled_at = None
    assert (await a.working()).epoch == 2


async def until_waiting(on: Any) -> None:
    """Wait until a keeper's session waits for a lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vigil keeper' AND wait_event_type = 'Lock' "
        "AND datname = current_database()"
    )
    with anyio.fail_after(DEADLINE):
        while not await on.fetchval(waiting):  # noqa: ASYNC110 - only the server's own tables show it
            await anyio.sleep(0.005)


async def test_trust_counts_from_before_a_renew_was_sent_however_late_it_is_answered(
    contest: Contest, db: Any, connect: Any, recorded: testing.Recorder
) -> None:
    """A renew and a claim that were held up buy no time: the moment they were sent counts."""
    holding, watching = await connect(), await connect()
    await db.fetchval("SELECT lock_claim(4213370000000000001, 'old', 1600, NULL, NULL, 'free')")
    await db.fetchval("SELECT lock_release(4213370000000000001, 'old', 1)")
    async with holding.transaction():
        await holding.execute("SELECT FROM lock_heartbeat FOR UPDATE")
        a = await contest("a")
        await until_waiting(watching)
        answered_after = boottime()
    term = await a.working()
    assert term.renewed_at < answered_after
    await recorded.next(events.HeartbeatSucceeded, timeout=DEADLINE)
    async with holding.transaction():
        await holding.execute("SELECT FROM lock_heartbeat FOR UPDATE")
        seen = len(recorded.all(events.HeartbeatSucceeded))
        await until_waiting(watching)
        answered_after = boottime()
    for _ in range(seen):
        await recorded.next(events.HeartbeatSucceeded, timeout=DEADLINE)
    assert term.renewed_at < answered_after
