"""When the process is to be killed: always before anyone else may claim, never while nothing is under way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio

from supervisor.sql import sql
from supervisor.view import LockState
from telemetry import events, testing

KEY = 4_213_370_000_000_000_001
DEADLINE = 10.0
Contest = Callable[..., Awaitable[Any]]


@dataclass
class Recording:
    """A guard that kills nobody and remembers what it was told; None means disarmed."""

    told: list[float | None] = field(default_factory=list)

    def arm(self, at: float) -> None:
        """Note the deadline."""
        self.told.append(at)

    def disarm(self) -> None:
        """Note that there is none."""
        self.told.append(None)

    @property
    def deadline(self) -> float | None:
        """What is set now."""
        return self.told[-1] if self.told else None


async def test_the_guard_counts_from_before_the_last_acknowledged_renew_was_sent(
    contest: Contest, recorded: testing.Recorder
) -> None:
    """Armed before the work may start, and at every renew anew."""
    guard = Recording()
    a = await contest("a", guard=guard)
    term = await a.working()
    assert guard.deadline == term.renewed_at + a.timing.hard
    for _ in range(3):
        await recorded.next(events.HeartbeatSucceeded, timeout=DEADLINE)
    deadlines = [at for at in guard.told if at is not None]
    assert deadlines == sorted(deadlines)
    assert len(deadlines) >= 3
    await a.until(lambda _: guard.deadline == term.renewed_at + a.timing.hard)


async def test_the_guard_stands_while_the_work_of_an_ended_term_goes_on(contest: Contest, db: Any) -> None:
    """Fenced, but not yet stopped: what does not stop is killed. Once it has stopped, the process may stand by."""
    guard = Recording()
    a = await contest("a", guard=guard)
    term = await a.working()
    await db.execute("UPDATE lock_heartbeat SET instance_id = 'thief'")
    with anyio.fail_after(DEADLINE):
        await a.keeper.lost(term)
    await a.until_state(LockState.DEMOTED)
    assert guard.deadline == term.renewed_at + a.timing.hard
    a.keeper.work_ended(term)
    await a.until(lambda view: view.holder == "thief")
    assert guard.deadline is None


async def test_the_guard_rests_before_a_release_that_may_take_long(contest: Contest, db: Any) -> None:
    """The work has ended: a database that is slow to take the lease back must not cost the process its clean end."""
    guard = Recording()
    a = await contest("a", guard=guard)
    term = await a.working()
    async with db.transaction():
        await db.execute("SELECT FROM lock_heartbeat FOR UPDATE")
        a.keeper.drain()
        a.keeper.work_ended(term)
        await a.until(lambda _: term.ended == "released")
        assert guard.deadline is None


async def test_the_guard_rests_once_the_work_has_ended_though_the_keeper_has_failed(
    contest: Contest, link: Any
) -> None:
    """The tree starts it again in its own time; an idle process must not be killed meanwhile."""
    guard = Recording()
    a = await contest("a", url=link.url, guard=guard)
    term = await a.working()

    def broken() -> str:
        raise ArithmeticError

    a.url = broken
    link.cut()
    with anyio.fail_after(DEADLINE):
        await a.keeper.lost(term)
    assert isinstance(await a.failed(), ArithmeticError)
    assert guard.deadline is not None
    a.keeper.work_ended(term)
    assert guard.deadline is None


async def test_a_standby_is_never_guarded(contest: Contest, db: Any) -> None:
    """It holds nothing that anyone could wait for."""
    await db.fetchrow(sql("lock_claim"), KEY, "other", 60_000, None, None, "free", False)
    guard = Recording()
    b = await contest("b", guard=guard)
    await b.until(lambda view: view.holder == "other")
    assert guard.deadline is None
