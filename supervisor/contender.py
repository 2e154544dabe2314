"""The life of one instance as a contender: stand by, claim, lead, step down. Runs on the keeper's own loop.

    run ─▶ quiesce ─▶ connect ─▶ follow ──claim──▶ lead ──┬─ released, draining ─▶ end
              ▲          ▲         │ session lost          │
              │          └─────────┘                       │
              └──── the term ended, or was handed over ◀───┘

Invariants
* A session whose last call has an unknown outcome is dropped; the next look at the row tells what became of it.
* What a standby has seen is forgotten with its session.
* A stalled main loop claims nothing: whoever cannot work must not lead.
* Through a pooler the beacon is neither taken nor believed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import anyio

from supervisor.clock import boottime
from supervisor.desk import Desk
from supervisor.election import Claim, Observation, Patience, decide, observe, takeover
from supervisor.leading import UNGUARDED, Guard, Leading
from supervisor.lease import Lease, Misconfigured, SessionLost, Won, WriterInFlight
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
STAND_BACK_SECONDS = 2.0
"""How long whoever has handed its term over lets others claim first."""
RECONNECTS_PROBED = 5
GRACE_FACTOR, LONGEST_GRACE = 3.0, 5.0
"""g is at least so many times the slowest probed reconnect; where that is longer, the beacon is not believed at all."""


@dataclass(frozen=True, slots=True)
class Candidacy:
    """Who contends for which lock, where, and how fast."""

    url: Callable[[], str]
    lock_key: int
    instance_id: str
    timing: Timing
    last_tick: Callable[[], float]
    tick_limit: float = TICK_LIMIT
    guard: Guard = UNGUARDED
    damped: bool = True

    async def open(self, hear: Callable[[str], None], within: float) -> Lease:
        """Open a control session; raise `SessionLost` or `Misconfigured`."""
        try:
            url = self.url()
        except OSError as error:
            raise SessionLost(f"Opening the control session: {error}") from error
        return await Lease.open(url, self.lock_key, self.instance_id, self.timing, within=within, hear=hear)

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
        self._patience: Patience | None = None
        self._stand_back_until = 0.0
        self._untold: tuple[int, str] | None = None

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
        # Probed again until it was quiet enough: a slow start must not make every later takeover slow.
        if self._patience is None or self._patience.grace > self._timing.grace:
            self._patience = await self._probe_patience()
        lease = await self._who.open(self._desk.hear, self._timing.timeout)
        try:
            await lease.probe()
            await self._tell(lease)
            term = await self._follow(lease, self._patience)
        except BaseException:
            lease.drop()
            raise
        if term is None:
            lease.drop()
            return
        await Leading(self._who, self._desk, self._rng, term).run(lease)
        if term.ended == "released":
            self._stand_back_until = boottime() + STAND_BACK_SECONDS
        elif term.ended is not None:
            self._untold = term.epoch, term.ended
        await self._quiesce()

    async def _probe_patience(self) -> Patience:
        """Connect a few times: a standby must wait longer for a cut session than its holder takes to come back."""
        timing, slowest, direct = self._timing, 0.0, True
        for _ in range(RECONNECTS_PROBED):
            began = boottime()
            lease = await self._who.open(lambda _: None, timing.timeout)
            try:
                await lease.probe()
            finally:
                lease.drop()
            direct, slowest = lease.direct, max(slowest, boottime() - began)
            if not direct:
                break
        grace = max(timing.grace, GRACE_FACTOR * slowest)
        if not direct or grace > LONGEST_GRACE:
            grace = math.inf
        if not direct:
            emit(events.PoolerFound(lease_seconds=timing.lease))
        emit(
            events.LockModeFound(
                mode="direct" if direct else "lease_only",
                grace_seconds=None if grace == math.inf else round(grace, 3),
                slowest_seconds=round(slowest, 4),
            )
        )
        return Patience(timing.lease, grace, timing.watch, self._who.damped)

    async def _tell(self, lease: Lease) -> None:
        """Write down how our last term ended, if it was not released."""
        untold, self._untold = self._untold, None
        if untold is None:
            return
        epoch, reason = untold
        try:
            await lease.note(epoch, "fencing" if reason == "fenced" else "demotion", reason)
        except Misconfigured as error:
            # A note is not worth a term: what is wrong is told, and matters where it hinders leading.
            emit(events.LockMisconfigured(kind=error.kind, error=error))

    async def _quiesce(self) -> None:
        """Wait until no work of an older term is under way; until then the guard may end this process."""
        while True:
            rung = self._desk.keeper.next()
            if self._desk.idle:
                self._who.guard.disarm()
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

    async def _follow(self, lease: Lease, patience: Patience) -> Term | None:
        """Stand by until a claim succeeds; None when drained."""
        seen: Observation | None = None
        while not self._desk.draining:
            rung = self._desk.keeper.next()
            if seen is not None and self._desk.released(seen.sighting.epoch):
                # The news is as good as a look: a claim of what is not free is refused.
                sighting = replace(seen.sighting, holder=None)
            else:
                sighting = await lease.watch()
            now = boottime()
            self._failures = 0
            announced = seen is not None and seen.sighting.epoch == sighting.epoch
            seen = observe(seen, sighting, now)
            if not announced:
                self._announce(seen, now, patience)
            hindrance = self._hindrance(now)
            self._publish(seen, now, patience, hindrance or "waiting")
            decision = decide(
                seen, now=now, instance_id=self._who.instance_id, work_ended=self._desk.idle, patience=patience
            )
            if not isinstance(decision, Claim):
                pause = decision.seconds
            else:
                pause = self._timing.watch
                if hindrance is None and (term := await self._claim(lease, decision, seen)) is not None:
                    return term
            with anyio.move_on_after(pause):
                await rung.wait()
        return None

    def _hindrance(self, now: float) -> str | None:
        """Return why this instance claims nothing just now, whatever it sees."""
        if self._who.is_stalled():
            return "stalled"
        return "standing_back" if now < self._stand_back_until else None

    async def _claim(self, lease: Lease, claim: Claim, seen: Observation) -> Term | None:
        """Try to begin a term; None when it must be looked at again."""
        before = self._desk.view
        self._desk.publish(LockView(LockState.CLAIMING, claim.reason, epoch=before.epoch, holder=before.holder))
        sent_at = boottime()
        won, failure = None, None
        try:
            won = await lease.claim(claim)
        except WriterInFlight as error:
            failure = error
            if (ended := await lease.end_writers(claim)) > 0:
                emit(events.WritersEnded(epoch=claim.epoch, sessions=ended))
        if won is None:
            emit(events.ClaimFailed(kind="overtaken" if failure is None else "writer_in_flight", error=failure))
            self._desk.publish(before)
            return None
        self._who.guard.arm(sent_at + self._timing.hard)
        term = self._term(won, sent_at)
        emit(
            events.TermWon(
                epoch=won.epoch,
                reason=claim.reason,
                previous_holder=seen.sighting.holder,
                waited_seconds=round(sent_at - seen.since, 3),
            )
        )
        if claim.reason in {"stale", "session_lost"}:
            silent, holder = round(seen.sighting.renewed_ago, 3), seen.sighting.holder
            emit(events.HolderReplaced(epoch=won.epoch, holder=holder, reason=claim.reason, silent_seconds=silent))
        self._desk.publish(
            LockView(LockState.ACTIVE, claim.reason, term=term, epoch=won.epoch, holder=self._who.instance_id)
        )
        return term

    def _term(self, won: Won, sent_at: float) -> Term:
        return Term(
            won.epoch,
            self._who.instance_id,
            window=self._timing.soft,
            sent_at=sent_at,
            timeline=won.timeline,
            quarantined_until=sent_at + self._timing.lease if won.quarantined else 0.0,
            on_end=self._desk.ring,
        )

    def _announce(self, seen: Observation, now: float, patience: Patience) -> None:
        sighting = seen.sighting
        if sighting.holder is not None and sighting.holder != self._who.instance_id:
            left = max(0.0, takeover(seen, now, patience)[0] - now)
            emit(
                events.ClaimWaiting(
                    holder=sighting.holder,
                    epoch=sighting.epoch,
                    seconds_left=round(left, 1),
                    recent_takeovers=sighting.takeovers,
                )
            )

    def _publish(self, seen: Observation, now: float, patience: Patience, reason: str) -> None:
        sighting = seen.sighting
        held = sighting.holder is not None
        self._desk.publish(
            LockView(
                LockState.PASSIVE,
                reason,
                epoch=sighting.epoch,
                holder=sighting.holder,
                renewed_at=now - sighting.renewed_ago if held else None,
                takeover_at=takeover(seen, now, patience)[0] if held else now,
            )
        )
