"""Sessions that are cut and databases that go away: what costs a term, and what does not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from supervisor.clock import boottime
from supervisor.embedded import THROWAWAY
from supervisor.migrator import apply_migrations_safe
from supervisor.term import TrustLost
from supervisor.timing import PROFILES
from supervisor.view import LockState
from telemetry import events, testing

Contest = Callable[..., Awaitable[Any]]
DEADLINE = 10.0


async def cut_session(on: Any) -> None:
    """End the holder's control session as an administrator would."""
    await on.fetch("SELECT pg_terminate_backend(backend_pid) FROM lock_heartbeat WHERE state = 'held'")


async def test_a_cut_session_costs_no_term(contest: Contest, db: Any, recorded: testing.Recorder) -> None:
    """The holder is back on a new session at once, in the same term; its next renew would be a minute away."""
    a = await contest("a", timing=replace(PROFILES["compat"], renew=60.0))
    term = await a.working()
    b = await contest("b")
    await b.until(lambda view: view.holder == "a")
    for _ in range(3):
        began = anyio.current_time()
        await cut_session(db)
        await recorded.next(events.LockResumed, timeout=DEADLINE)
        assert anyio.current_time() - began < 1
    term.check()
    assert [won.epoch for won in recorded.all(events.TermWon)] == [1]


async def test_a_lost_database_that_is_back_in_time_costs_no_term(
    contest: Contest, link: Any, recorded: testing.Recorder
) -> None:
    """Gone for less than the soft deadline: same epoch, and back within a second."""
    a = await contest("a", url=link.url)
    term = await a.working()
    link.cut()
    await recorded.next(events.HeartbeatFailed, timeout=DEADLINE)
    await link.mend()
    resumed = await recorded.next(events.LockResumed, timeout=DEADLINE)
    assert resumed.seconds < 1
    term.check()
    assert [won.epoch for won in recorded.all(events.TermWon)] == [1]


async def test_a_restarted_server_costs_no_term(
    contest: Contest, server: Any, home: Path, portal: Any, recorded: testing.Recorder
) -> None:
    """A real server, stopped and started again on its data: same epoch."""
    own = type(server)(home, portal, THROWAWAY)
    with own.running():
        await apply_migrations_safe(own.url)
        a = await contest("a", url=own.url, timing=PROFILES["standard"])
        term = await a.working()
    with own.running():
        await recorded.next(events.LockResumed, timeout=DEADLINE)
        term.check()
        a.keeper.work_ended(term)
        assert await a.keeper.release(DEADLINE) is True
        await a.stop()
    assert [won.epoch for won in recorded.all(events.TermWon)] == [1]


async def test_a_database_gone_for_too_long_ends_the_term_and_the_holder_comes_back_by_itself(
    contest: Contest, link: Any, recorded: testing.Recorder
) -> None:
    """Demoted at the soft deadline, without work no waiting for the old lease: it is its own."""
    a = await contest("a", url=link.url)
    term = await a.working()
    link.cut()
    with anyio.fail_after(DEADLINE):
        assert await a.keeper.lost(term) == "soft_deadline"
    assert a.keeper.view.role == "PASSIVE"
    with pytest.raises(TrustLost):
        term.check()
    await a.until_state(LockState.DEMOTED)
    a.keeper.work_ended(term)
    view = await a.until_state(LockState.PASSIVE)
    assert view.reason == "database"
    await link.mend()
    began = anyio.current_time()
    again = await a.working()
    assert anyio.current_time() - began < 1
    assert again.epoch == 2
    assert recorded.all(events.TermWon)[-1].reason == "self"


async def test_after_a_lost_term_nothing_is_claimed_until_the_work_has_ended(contest: Contest, link: Any) -> None:
    """Two terms of one process must not overlap either: the database is back, the old work is not over."""
    a = await contest("a", url=link.url)
    term = await a.working()
    link.cut()
    await a.until_state(LockState.DEMOTED)
    await link.mend()
    with anyio.move_on_after(0.3):
        await a.until(lambda view: view.state is not LockState.DEMOTED)
    assert a.keeper.view.state is LockState.DEMOTED
    a.keeper.work_ended(term)
    assert (await a.working()).epoch == 2


async def cut_every_session(on: Any) -> None:
    """End every keeper's session."""
    await on.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'vigil keeper' AND datname = current_database()"
    )


async def test_a_reconnect_starts_the_wait_anew(contest: Contest, db: Any) -> None:
    """What was seen before a reconnect proves nothing: the database may have lost beats in between."""
    await db.fetchval("SELECT lock_claim(4213370000000000001, 'dead-1', 1600, NULL, NULL, 'free')")
    a = await contest("a")
    await a.until(lambda view: view.holder == "dead-1" and view.takeover_in(boottime()) < 0.8)
    await cut_every_session(db)
    cut = anyio.current_time()
    await a.until(lambda view: view.takeover_in(boottime()) is not None and view.takeover_in(boottime()) > 1.2)
    await a.until_state(LockState.ACTIVE)
    assert anyio.current_time() - cut >= 1.6


async def test_a_release_that_meets_an_outage_is_tried_again(
    contest: Contest, link: Any, db: Any, recorded: testing.Recorder
) -> None:
    """Nobody waits for the lease to end because the database was away for a moment."""
    a = await contest("a", url=link.url)
    await a.until_state(LockState.ACTIVE)
    link.cut()
    a.keeper.drain()
    await recorded.next(events.ControlSessionLost, timeout=DEADLINE)
    assert a.keeper.view.role == "PASSIVE"
    await link.mend()
    assert await a.keeper.release(DEADLINE) is True
    assert await db.fetchval("SELECT state FROM lock_heartbeat") == "free"


async def test_a_release_that_never_gets_through_is_not_claimed_to_have(
    contest: Contest, link: Any, db: Any, recorded: testing.Recorder
) -> None:
    """It is given up when the lease has run out, and said so."""
    a = await contest("a", url=link.url)
    await a.until_state(LockState.ACTIVE)
    link.cut()
    assert await a.keeper.release(DEADLINE) is False
    assert (a.keeper.view.state, a.keeper.view.reason) == (LockState.DEMOTED, "error")
    assert recorded.all(events.LockReleased) == []
    assert await db.fetchval("SELECT expires_at < clock_timestamp() FROM lock_heartbeat") is True
