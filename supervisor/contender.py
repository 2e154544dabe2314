"""The life of one instance as a contender: stand by, claim, lead, step down. Runs on the keeper's own loop.

    run ─▶ quiesce ─▶ connect ─▶ follow ──claim──▶ lead ──┬─ released ─▶ end
              ▲          ▲         │ session lost          │
              │          └─────────┘                       │
              └──────────── the term ended ◀───────────────┘

Invariants
* A session whose last call has an unknown outcome is dropped; the next look at the row tells what became of it.
* What a standby has seen is forgotten with its session.
* A stalled main loop claims nothing: whoever cannot work must not lead.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import anyio

from supervisor.clock import boottime
from supervisor.desk import Desk
from supervisor.election import Claim, Observation, decide, observe, takeover_at
from supervisor.leading import Leading
from supervisor.lease import Lease, Misconfigured, SessionLost, WriterInFlight
from supervisor.term import Term
from supervisor.timing import Timing
from supervisor.view import LockState, LockView
from telemetry import emit, events

TICK_LIMIT = 5.0
"""Seconds after which a main loop that has not ticked counts as stalled."""
RECONNECT_SECONDS = (0.1, 0.5)
"""The first and the longest pause before a new session, less up to half: a server that is back is found in a second."""
MISCONFIGURED_SECONDS = 1.0
"""Between two looks at a database that is not made for leading."""


@dataclass(frozen=True, slots=True)
class Candidacy:
    """Who contends for which lock, where, and how fast."""

    url: Callable[[], str]
    lock_key: int
    instance_id: str
    timing: Timing
    last_tick: Callable[[], float]
    tick_limit: float = TICK_LIMIT

    async def open(self, ring: Callable[[], None], within: float) -> Lease:
        """Open a control session; raise `SessionLost` or `Misconfigured`."""
        try:
            url = self.url()
        except OSError as error:
            raise SessionLost(f"Opening the control session: {error}") from error
        return await Lease.open(url, self.lock_key, self.instance_id, self.timing, within=within, ring=ring)

    def is_stalled(self) -> bool:
        """Whether the main loop has not ticked for too long."""
        return boottime() - self.last_tick() > self.tick_limit


class Contender:
    """One run of the protocol; `run` ends when the desk drains and nothing is held."""

    def __init__(self, candidacy: Candidacy, desk: Desk, rng: random.Random) -> None:
        self._who = candidacy
        self._timing = candidacy.timing
        self._desk = desk
        self._rng = rng
        self._failures = 0

    async def run(self) -> None:
        """Contend until drained; woken by notifications, the main loop and its own timers, stopped by cancellation."""
        await self._quiesce()
        while not self._desk.draining:
            try:
                await self._session()
            except (SessionLost, Misconfigured) as error:
                await self._stand_aside(error)

    async def _session(self) -> None:
        """Follow on one control session; once elected, lead, and wait for the work to end."""
        lease = await self._who.open(self._desk.keeper.ring, self._timing.timeout)
        try:
            await lease.probe()
            term = await self._follow(lease)
        except BaseException:
            lease.drop()
            raise
        if term is None:
            lease.drop()
            return
        await Leading(self._who, self._desk, self._rng, term).run(lease)
        await self._quiesce()

    async def _quiesce(self) -> None:
        """Wait until no work of an older term is under way."""
        while True:
            rung = self._desk.keeper.next()
            if self._desk.idle:
                return
            await rung.wait()

    async def _stand_aside(self, error: SessionLost | Misconfigured) -> None:
        """Show why this instance cannot contend; return when it is time for the next try, or to drain."""
        if isinstance(error, Misconfigured):
            emit(events.LockMisconfigured(kind=error.kind, error=error))
            self._desk.publish(LockView(LockState.PASSIVE, error.kind))
            seconds = MISCONFIGURED_SECONDS
        else:
            emit(events.ControlSessionLost(error=error))
            self._desk.publish(LockView(LockState.PASSIVE, "database"))
            seconds = self._reconnect_pause()
        with anyio.move_on_after(seconds):
            while True:
                # Only a drain ends the pause: the session just dropped rings too, and would make this a busy loop.
                rung = self._desk.keeper.next()
                if self._desk.draining:
                    return
                await rung.wait()

    def _reconnect_pause(self) -> float:
        first, longest = RECONNECT_SECONDS
        self._failures += 1
        return min(longest, first * 2.0 ** min(self._failures - 1, 16)) * self._rng.uniform(0.5, 1)

    async def _follow(self, lease: Lease) -> Term | None:
        """Stand by until a claim succeeds; None when drained."""
        seen: Observation | None = None
        while not self._desk.draining:
            rung = self._desk.keeper.next()
            sighting = await lease.watch()
            now = boottime()
            self._failures = 0
            announced = seen is not None and seen.sighting.epoch == sighting.epoch
            seen = observe(seen, sighting, now)
            if not announced:
                self._announce(seen, now)
            stalled = self._who.is_stalled()
            self._publish(seen, now, "stalled" if stalled else "waiting")
            decision = decide(
                seen,
                now=now,
                instance_id=self._who.instance_id,
                work_ended=self._desk.idle,
                lease=self._timing.lease,
                watch=self._timing.watch,
            )
            if not isinstance(decision, Claim):
                pause = decision.seconds
            else:
                pause = self._timing.watch
                if not stalled and (term := await self._claim(lease, decision, seen)) is not None:
                    return term
            with anyio.move_on_after(pause):
                await rung.wait()
        return None

    async def _claim(self, lease: Lease, claim: Claim, seen: Observation) -> Term | None:
        """Try to begin a term; None when it must be looked at again."""
        before = self._desk.view
        self._desk.publish(LockView(LockState.CLAIMING, claim.reason, epoch=before.epoch, holder=before.holder))
        sent_at = boottime()
        epoch, failure = None, None
        try:
            epoch = await lease.claim(claim)
        except WriterInFlight as error:
            failure = error
        if epoch is None:
            emit(events.ClaimFailed(kind="overtaken" if failure is None else "writer_in_flight", error=failure))
            self._desk.publish(before)
            return None
        term = Term(epoch, self._who.instance_id, window=self._timing.soft, sent_at=sent_at, on_end=self._desk.ring)
        emit(
            events.TermWon(
                epoch=epoch,
                reason=claim.reason,
                previous_holder=seen.sighting.holder,
                waited_seconds=round(sent_at - seen.since, 3),
            )
        )
        self._desk.publish(
            LockView(LockState.ACTIVE, claim.reason, term=term, epoch=epoch, holder=self._who.instance_id)
        )
        return term

    def _announce(self, seen: Observation, now: float) -> None:
        sighting = seen.sighting
        if sighting.holder is not None and sighting.holder != self._who.instance_id:
            left = max(0.0, takeover_at(seen, now, self._timing.lease) - now)
            emit(events.ClaimWaiting(holder=sighting.holder, epoch=sighting.epoch, seconds_left=round(left, 1)))

    def _publish(self, seen: Observation, now: float, reason: str) -> None:
        sighting = seen.sighting
        held = sighting.holder is not None
        self._desk.publish(
            LockView(
                LockState.PASSIVE,
                reason,
                epoch=sighting.epoch,
                holder=sighting.holder,
                renewed_at=now - sighting.renewed_ago if held else None,
                takeover_at=takeover_at(seen, now, self._timing.lease) if held else now,
            )
        )
