"""Lead one term: renew its lease until the work is drained and it is given back, or until it ends by itself.

      ┌── session lost ──▶ SUSPECT ── renewed and beacon taken on a new session ──┐
    beating ◀─────────────────┼──────────────────────────────────────────────────┘
       ├── leaving, work ended ──▶ giving back ──▶ RELEASED
       └── not renewed until the soft deadline, row lost, fenced ──▶ DEMOTED(reason)

Invariants
* The term is extended only by an acknowledged renew, from the moment before that renew was sent; so is the guard,
  which kills the process at the hard deadline and rests only when no work is under way.
* A lost session ends nothing by itself, but no effect starts until a new one has renewed the lease and shows the
  beacon: a standby may by then have seen it free for longer than it waits. A suspension that lasts longer than the
  server needs to drop a dead link gets no renew: a holder that cannot work must not keep others from it.
* A term begun with a beacon goes on only on a direct session.
* A stalled main loop gets no renew: whoever cannot work must not lead.
* Nothing is released before all work has ended, and nothing passes `check` once a release may be on its way.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Protocol

import anyio

from supervisor.clock import boottime
from supervisor.desk import Desk
from supervisor.lease import Lease, Misconfigured, SessionLost
from supervisor.margin import Margin
from supervisor.tally import Tally
from supervisor.term import Term
from supervisor.timing import JITTER, Timing
from supervisor.view import LockState, LockView
from telemetry import emit, events

STALL_LOOK_SECONDS = 0.25
RETRY_SECONDS = 0.1
MISCONFIGURED_SECONDS = 1.0
SHORTEST_SECONDS = 0.001
FORMER_KEPT = 16


class Guard(Protocol):
    """Ends this process when nobody says otherwise in time; as `killtimer.KillTimer`."""

    def arm(self, at: float) -> None:
        """End the process at this CLOCK_BOOTTIME, instead of any earlier one."""
        ...

    def disarm(self) -> None:
        """Let it live."""
        ...


class _Unguarded:
    def arm(self, at: float) -> None:
        pass

    def disarm(self) -> None:
        pass


UNGUARDED = _Unguarded()
"""For a process that holds more than one contender, and must not die for one."""


class Holder(Protocol):
    """Who leads, as far as leading needs to know."""

    @property
    def timing(self) -> Timing:
        """The times it leads by."""
        ...

    @property
    def guard(self) -> Guard:
        """What ends the process at the hard deadline."""
        ...

    async def open(self, hear: Callable[[str], None], within: float) -> Lease:
        """Open a control session."""
        ...

    def is_stalled(self) -> bool:
        """Whether the main loop has not ticked for too long."""
        ...


class Leading:
    """One term in office."""

    def __init__(self, who: Holder, desk: Desk, rng: random.Random, term: Term) -> None:
        self._who = who
        self._timing = who.timing
        self._desk = desk
        self._rng = rng
        self._term = term
        self._session: Lease | None = None
        self._former: deque[int] = deque(maxlen=FORMER_KEPT)
        self._has_beacon = False
        self._began = boottime()
        self._lost_at: float | None = None
        self._error: BaseException | None = None
        self._due = 0.0
        self._tally = Tally(self._began)
        self._margin = Margin()

    async def run(self, lease: Lease) -> None:
        """Beat until drained or ended; woken by its timer, the loss of the session, the main loop; ends the term."""
        self._session, self._has_beacon = lease, lease.direct
        self._plan_next(self._term.renewed_at)
        emit(
            events.HeartbeatStarted(
                epoch=self._term.epoch, interval_seconds=self._timing.renew, profile=self._timing.profile
            )
        )
        try:
            if await self._beat_until_idle():
                self._who.guard.disarm()
                await self._give_back()
        finally:
            # Reached with a trusted term only when cancelled or broken: then nobody renews it any more.
            self._term.end("drain" if self._desk.leaving(self._term) else "error")
            self._step_down()
            self._drop()

    async def _beat_until_idle(self) -> bool:
        """Renew; True once the lease is to be given back, False once the term has ended."""
        while self._term.ended is None:
            rung = self._desk.keeper.next()
            if (leaving := self._desk.leaving(self._term)) is not None:
                if not self._term.suspended:
                    self._publish(LockState.DRAINING, leaving)
                if self._desk.idle:
                    return True
            if self._session is not None and self._session.is_lost:
                self._fail("session_lost", None, retry=0.0)
            if boottime() >= self._due or self._desk.broken(self._term):
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
        if self._lost_at is not None and boottime() - self._lost_at > self._timing.dead_link:
            self._term.doubt = "suspended" if self._term.doubt == "soft_deadline" else self._term.doubt
            self._fail("suspended", None, retry=self._timing.renew, keep=True)
            return
        try:
            session = await self._reopened(self._allowed())
            sent_at = boottime()
            renewed = await session.renew(self._term.epoch, within=self._allowed())
        except SessionLost as error:
            self._fail("session_lost", error, retry=RETRY_SECONDS * self._rng.uniform(1, 2))
        except Misconfigured as error:
            self._misfit(error)
        else:
            self._note(renewed, sent_at, boottime() - sent_at)
            if renewed and self._term.suspended:
                await self._resume(session)

    def _note(self, renewed: bool, sent_at: float, seconds: float) -> None:
        if not renewed:
            emit(events.HeartbeatFailed(kind="row_lost", result="fenced", seconds=seconds))
            self._term.end("fenced")
            return
        slack = self._term.remaining()
        if not self._term.extend(sent_at):
            return
        self._who.guard.arm(sent_at + self._timing.hard)
        emit(events.HeartbeatSucceeded(seconds=seconds))
        emit(events.MarginSampled(seconds=self._margin.note(slack, boottime())))
        self._tally.add(seconds)
        if (line := self._tally.summary(self._term.epoch, boottime())) is not None:
            emit(line)
        self._plan_next(sent_at)

    async def _resume(self, session: Lease) -> None:
        """Let effects start again once this connection shows the beacon; try soon again while the former one has it."""
        try:
            shown = await session.show(self._term.epoch, self._former, within=self._allowed())
        except SessionLost as error:
            self._fail("session_lost", error, retry=RETRY_SECONDS * self._rng.uniform(1, 2))
            return
        except Misconfigured as error:
            self._misfit(error)
            return
        if not shown or self._term.ended is not None:
            self._due = boottime() + RETRY_SECONDS
            return
        self._term.resume()
        self._error = None
        emit(events.LockResumed(epoch=self._term.epoch, seconds=round(self._end_suspension(), 3)))
        leaving = self._desk.leaving(self._term)
        self._publish(LockState.DRAINING if leaving else LockState.ACTIVE, leaving or "resumed")

    def _misfit(self, error: Misconfigured) -> None:
        """The database or this build has become unfit: keep the session, and the term until it ends by itself."""
        self._term.doubt = "misconfigured"
        self._fail(error.kind, error, retry=min(MISCONFIGURED_SECONDS, self._timing.renew), keep=True)

    def _fail(self, kind: str, error: BaseException | None, *, retry: float, keep: bool = False) -> None:
        """Note a failed beat and when to try again; the session is gone unless it is kept."""
        emit(events.HeartbeatFailed(kind=kind, error=error))
        self._tally.add(None)
        self._error = error or self._error
        self._due = boottime() + retry
        if not keep:
            self._suspend()
            self._drop()

    def _suspend(self) -> None:
        if self._term.suspended or self._term.ended is not None:
            return
        self._term.suspend()
        self._lost_at = boottime()
        emit(events.LockSuspect(epoch=self._term.epoch, error=self._error))
        self._publish(LockState.SUSPECT, "session_lost")

    def _end_suspension(self) -> float:
        since, self._lost_at = self._lost_at, None
        seconds = 0.0 if since is None else boottime() - since
        emit(events.SuspensionEnded(seconds=seconds))
        return seconds

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
            session = await self._who.open(self._desk.hear, within)
            if self._has_beacon and not session.direct:
                session.drop()
                raise SessionLost("Opening the control session: a pooler is in between now, and this term has a beacon")
            self._session = session
        return self._session

    def _allowed(self) -> float:
        """A renew may take T, but never past the soft deadline: its answer would come too late."""
        return min(self._timing.timeout, max(self._term.remaining(), SHORTEST_SECONDS))

    def _plan_next(self, sent_at: float) -> None:
        self._due = sent_at + self._timing.renew * (1 + JITTER * self._rng.random())

    def _step_down(self) -> None:
        """Show that the term has ended without a release."""
        if self._lost_at is not None:
            self._end_suspension()
        if self._desk.view.state is LockState.RELEASED:
            return
        ended = self._term.ended
        # A release that did not get through: the lease is left to run out.
        reason = "error" if ended is None or ended == "released" else ended
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
            if self._session.may_show:
                self._former.append(self._session.server_pid)
            self._session.drop()
            self._session = None
