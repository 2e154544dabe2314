"""Leadership given away on purpose: asked for by the instance, by a notification, or broken by an operator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest

from supervisor.sql import sql
from supervisor.timing import PROFILES
from supervisor.view import LockState
from telemetry import events, testing

KEY = 4_213_370_000_000_000_001
DEADLINE = 10.0
Contest = Callable[..., Awaitable[Any]]


async def pair(contest: Contest) -> tuple[Any, Any, Any]:
    """A holder at work, its term, and a standby, at real times: a busy machine must not end the term."""
    a = await contest("a", timing=PROFILES["fast"])
    term = await a.working()
    b = await contest("b", timing=PROFILES["fast"])
    await b.until(lambda view: view.holder == "a")
    return a, term, b


async def kinds(on: Any) -> list[tuple[int, str, str]]:
    """The lock's event rows in order."""
    return [tuple(row) for row in await on.fetch("SELECT epoch, kind, reason FROM lock_events ORDER BY id")]


async def test_a_handover_drains_releases_and_lets_the_standby_go_first(
    contest: Contest, db: Any, recorded: testing.Recorder
) -> None:
    """The old one stands by afterwards: it can be handed back."""
    a, term, b = await pair(contest)
    assert a.keeper.hand_over() is True
    with anyio.fail_after(DEADLINE):
        assert await a.keeper.lost(term) == "handover"
    await a.until_state(LockState.DRAINING)
    assert b.keeper.view.role == "PASSIVE"
    a.keeper.work_ended(term)
    second = await b.working()
    assert second.epoch == 2
    assert second.quarantine() == 0
    assert await kinds(db) == [(1, "first", "free"), (1, "release", "planned"), (2, "handover", "free")]
    # Still standing back, it would let the other one go first in turn.
    await a.until(lambda view: (view.holder, view.reason) == ("b", "waiting"))
    assert recorded.all(events.TermLost) == []
    assert b.keeper.hand_over() is True
    b.keeper.work_ended(second)
    assert (await a.working()).epoch == 3


async def test_alone_the_lease_is_taken_up_again_after_a_moment(contest: Contest) -> None:
    """A handover with nobody there to take it must not end the service."""
    a = await contest("a")
    term = await a.working()
    a.keeper.hand_over()
    a.keeper.work_ended(term)
    await a.until(lambda view: view.reason == "standing_back")
    assert (await a.working()).epoch == 2


async def test_a_standby_has_nothing_to_hand_over(contest: Contest) -> None:
    """It says so, and goes on standing by."""
    _, _, b = await pair(contest)
    assert b.keeper.hand_over() is False


async def test_a_handover_may_be_asked_for_through_the_database(contest: Contest, db: Any) -> None:
    """The present term's epoch must be named; another is not listened to."""
    a, term, b = await pair(contest)
    await db.execute("SELECT pg_notify('vigil_lock', 'handover 7')")
    await db.execute("SELECT pg_notify('vigil_lock', 'handover now')")
    await db.execute("SELECT pg_notify('vigil_lock', 'handover 1')")
    with anyio.fail_after(DEADLINE):
        assert await a.keeper.lost(term) == "handover"
    a.keeper.work_ended(term)
    assert (await b.working()).epoch == 2


async def test_a_broken_lease_ends_the_term_at_once_and_goes_to_the_standby(contest: Contest, db: Any) -> None:
    """The holder hears it a minute before its next beat; what it had begun outside is left alone for a lease."""
    a = await contest("a", timing=replace(PROFILES["compat"], renew=60.0))
    term = await a.working()
    b = await contest("b")
    await b.until(lambda view: view.holder == "a")
    assert await db.fetchval(sql("lock_break"), KEY, 1) is True
    with anyio.fail_after(DEADLINE):
        assert await a.keeper.lost(term) == "fenced"
    a.keeper.work_ended(term)
    second = await b.working()
    assert second.epoch == 2
    assert second.quarantine() > 0
    await a.until(lambda view: view.holder == "b")
    found = await kinds(db)
    assert found[:2] == [(1, "first", "free"), (1, "break", "operator")]
    # Which of the two is back at the row first is nobody's concern.
    assert sorted(found[2:]) == [(1, "fencing", "fenced"), (2, "handover", "broken")]


@pytest.mark.parametrize("epoch", [0, 1, 3])
async def test_a_break_needs_the_epoch_that_is_held_now(contest: Contest, db: Any, epoch: int) -> None:
    """An operator who looked a while ago cannot break a newer holder."""
    a = await contest("a")
    await a.working()
    await db.execute("UPDATE lock_epoch SET epoch = 2")
    await db.execute("UPDATE lock_heartbeat SET epoch = 2")
    assert await db.fetchval(sql("lock_break"), KEY, epoch) is False
    assert await db.fetchval("SELECT state FROM lock_heartbeat") == "held"


async def test_a_lease_that_nobody_holds_cannot_be_broken(contest: Contest, db: Any) -> None:
    """Released is released."""
    a = await contest("a")
    await a.until_state(LockState.ACTIVE)
    await a.keeper.release(DEADLINE)
    assert await db.fetchval(sql("lock_break"), KEY, 1) is False
