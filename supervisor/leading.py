"""Lead one term: renew its lease until the work is drained and it is given back, or until it ends by itself.

    beating ──draining, work ended──▶ giving back ──▶ RELEASED
       └── not renewed until the soft deadline, row lost, fenced ──▶ DEMOTED(reason)

Invariants
* The term is extended only by an acknowledged renew, from the moment before that renew was sent.
* A lost session ends nothing by itself: it is opened again and the lease renewed, until the soft deadline.
* A stalled main loop gets no renew: whoever cannot work must not lead.
* Nothing is released before all work has ended, and nothing passes `check` once a release may be on its way.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

import anyio

from supervisor.clock import boottime
from supervisor.desk import Desk
from supervisor.lease import Lease, Misconfigured, SessionLost
from supervisor.term import Term
from supervisor.timing import JITTER, Timing
from supervisor.view import LockState, LockView
from telemetry import emit, events

STALL_LOOK_SECONDS = 0.25
RETRY_SECONDS = 0.1
MISCONFIGURED_SECONDS = 1.0
SHORTEST_SECONDS = 0.001
SUMMARY_SECONDS = 3600.0


class Holder(Protocol):
    """Who leads, as far as leading needs to know."""

    @property
    def timing(self) -> Timing:
        """The times it leads by."""
        ...

    async def open(self, ring: Callable[[], None], within: float) -> Lease:
        """Open a control session."""
        ...

    def is_stalled(self) -> bool:
        """Whether the main loop has not ticked for too long."""
        ...


class Tally:
    """Heartbeats since the last summary: one line an hour instead of one a beat."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._ok = self._failed = 0
        self._slowest = 0.0

    def add(self, seconds: float | None) -> None:
        """Count a heartbeat that took so long, or a failed one."""
        if seconds is None:
            self._failed += 1
        else:
            self._ok += 1
            self._slowest = max(self._slowest, seconds)

    def summary(self, epoch: int, now: float) -> events.HeartbeatSummary | None:
        """Return the line of the hour once it is over, and begin the next one."""
        if now - self._since < SUMMARY_SECONDS:
            return None
        line = events.HeartbeatSummary(
            ok=self._ok, failed=self._failed, epoch=epoch, slowest_seconds=round(self._slowest, 4)
        )
        self._since, self._ok, self._failed, self._slowest = now, 0, 0, 0.0
        return line


class Leading:
    """One term in office."""

    def __init__(self, who: Holder, desk: Desk, rng: random.Random, term: Term) -> None:
        self._who = who
        self._timing = who.timing
        self._desk = desk
        self._rng = rng
        self._term = term
        self._session: Lease | None = None
        self._began = boottime()
        self._lost_at: float | None = None
        self._error: BaseException | None = None
        self._due = 0.0
        self._tally = Tally(self._began)

    async def run(self, lease: Lease) -> None:
        """Beat until drained or ended; woken by its timer, the loss of the session, the main loop; ends the term."""
        self._session = lease
        self._plan_next(self._term.renewed_at)
        emit(
            events.HeartbeatStarted(
                epoch=self._term.epoch, interval_seconds=self._timing.renew, profile=self._timing.profile
            )
        )
        try:
            if await self._beat_until_drained():
                await self._give_back()
        finally:
            # Reached with a trusted term only when cancelled or broken: then nobody renews it any more.
            self._term.end("drain" if self._desk.draining else "error")
            self._step_down()
            self._drop()

    async def _beat_until_drained(self) -> bool:
        """Renew; True once the lease is to be given back, False once the term has ended."""
        while self._term.ended is None:
            rung = self._desk.keeper.next()
            if self._desk.draining:
                self._publish(LockState.DRAINING, "draining")
                if self._desk.idle:
                    return True
            if self._session is not None and self._session.is_lost:
                self._fail("session_lost", None, retry=0.0)
            if boottime() >= self._due:
                await self._beat()
            with anyio.move_on_after(max(0.0, min(self._due - boottime(), self._term.remaining()))):
                await rung.wait()
        return False

    async def _beat(self) -> None:
        """Renew once, on a new session if the old one is gone."""
        if self._who.is_stalled():
            self._term.doubt = "stalled"
            self._fail("stalled", None, retry=STALL_LOOK_SECONDS, keep=True)
            return
        try:
            session = await self._reopened(self._allowed())
            sent_at = boottime()
            renewed = await session.renew(self._term.epoch, within=self._allowed())
        except SessionLost as error:
            self._fail("session_lost", error, retry=RETRY_SECONDS * self._rng.uniform(1, 2))
        except Misconfigured as error:
            self._term.doubt = "misconfigured"
            self._fail(error.kind, error, retry=min(MISCONFIGURED_SECONDS, self._timing.renew), keep=True)
        else:
            self._note(renewed, sent_at, boottime() - sent_at)

    def _note(self, renewed: bool, sent_at: float, seconds: float) -> None:
        if not renewed:
            emit(events.HeartbeatFailed(kind="row_lost", result="fenced", seconds=seconds))
            self._term.end("fenced")
            return
        if not self._term.extend(sent_at):
            return
        emit(events.HeartbeatSucceeded(seconds=seconds))
        self._tally.add(seconds)
        if (line := self._tally.summary(self._term.epoch, boottime())) is not None:
            emit(line)
        if self._lost_at is not None:
            emit(events.LockResumed(epoch=self._term.epoch, seconds=round(boottime() - self._lost_at, 3)))
        self._lost_at = self._error = None
        self._plan_next(sent_at)

    def _fail(self, kind: str, error: BaseException | None, *, retry: float, keep: bool = False) -> None:
        """Note a failed beat and when to try again; the session is gone unless it is kept."""
        emit(events.HeartbeatFailed(kind=kind, error=error))
        self._tally.add(None)
        self._error = error or self._error
        self._due = boottime() + retry
        if not keep:
            self._lost_at = self._lost_at or boottime()
            self._drop()

    async def _give_back(self) -> None:
        """End the term, then free the lease; tried on new sessions until the lease would run out anyway."""
        until = self._term.renewed_at + self._timing.lease
        self._term.end("released")
        while (left := until - boottime()) > 0:
            try:
                session = await self._reopened(min(self._timing.timeout, left))
                # False is as good: an attempt whose answer was lost has done it.
                await session.release(self._term.epoch)
            except (SessionLost, Misconfigured) as error:
                emit(events.ControlSessionLost(error=error))
                self._error = error
                self._drop()
                await anyio.sleep(RETRY_SECONDS)
            else:
                emit(events.LockReleased(epoch=self._term.epoch, held_seconds=round(boottime() - self._began, 3)))
                self._publish(LockState.RELEASED, "released")
                return

    async def _reopened(self, within: float) -> Lease:
        if self._session is None:
            self._session = await self._who.open(self._desk.keeper.ring, within)
        return self._session

    def _allowed(self) -> float:
        """A renew may take T, but never past the soft deadline: its answer would come too late."""
        return min(self._timing.timeout, max(self._term.remaining(), SHORTEST_SECONDS))

    def _plan_next(self, sent_at: float) -> None:
        self._due = sent_at + self._timing.renew * (1 + JITTER * self._rng.random())

    def _step_down(self) -> None:
        """Show that the term has ended without a release."""
        if self._desk.view.state is LockState.RELEASED:
            return
        ended = self._term.ended
        # A release that did not get through: the lease is left to run out.
        reason = "error" if ended in {None, "released"} else ended
        emit(events.TermLost(epoch=self._term.epoch, reason=reason, error=self._error))
        self._desk.publish(LockView(LockState.DEMOTED, reason))

    def _publish(self, state: LockState, reason: str) -> None:
        released = state is LockState.RELEASED
        self._desk.publish(
            LockView(
                state,
                reason,
                term=None if released else self._term,
                epoch=self._term.epoch,
                holder=None if released else self._term.instance_id,
            )
        )

    def _drop(self) -> None:
        if self._session is not None:
            self._session.drop()
            self._session = None
