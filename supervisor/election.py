"""When a standby may claim: values and pure functions, the clock is a parameter.

    STARTING → PASSIVE → CLAIMING → ACTIVE ⇄ SUSPECT → DRAINING → RELEASED
                  ↑                    └────────┴─→ DEMOTED(reason) ─→ PASSIVE, once the work has ended

A standby looks at the lease and decides
    free          nobody holds it                                                   claim at once
    self          it names this very instance, whose work has ended                 claim at once
    session_lost  the beacon was seen held, then free for g, and the lease
                  unchanged meanwhile                                               claim
    stale         both clocks agree that it is over: the same (epoch, beat) was
                  seen for L on our clock, and the database says expired            claim
    else                                                                            look again

Invariants
* No single clock can cause a takeover: neither a jump of the database's nor one of ours satisfies both.
* What was seen counts only within one connection: after a reconnect the wait begins anew, because a crash of the
  database may have lost beats that the holder was told of, and freed every beacon.
* A beacon never seen held says nothing by being free: its holder may work without one.
* Nothing is claimed while work of an older term of this process has not provably ended.
* A claim names what was seen; the database refuses it when anything has changed since.
* Takeovers that follow each other closely wait longer and longer: a fault that moves with the lease must not spin it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reason = Literal["free", "self", "stale", "session_lost"]
_SHORTEST_WAIT = 0.01
TAKEOVERS_AT_ONCE = 3
"""Unplanned takeovers within ten minutes after which the next one waits longer."""
FIRST_EXTRA_WAIT, LONGEST_EXTRA_WAIT = 7.5, 60.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """The lease as one look showed it; `holder` None means that nobody holds it.

    `expires_in` and `renewed_ago` are seconds on the database's clock at the time of the look. `beacon_free` is None
    where it was not or could not be probed. `takeovers` are the unplanned ones of the last ten minutes.
    """

    epoch: int
    beat: int
    holder: str | None
    expires_in: float
    renewed_ago: float
    beacon_free: bool | None = None
    takeovers: int = 0

    @property
    def identity(self) -> tuple[int, int, str | None]:
        """What a living holder changes with every beat."""
        return self.epoch, self.beat, self.holder


@dataclass(frozen=True, slots=True)
class Observation:
    """The latest sighting, and since when on our clock, within one connection, the lease has looked like that.

    `beacon_seen`: the beacon of this epoch was seen held. `freed_at`: since when it has been seen free after that.
    """

    sighting: Sighting
    since: float
    beacon_seen: bool = False
    freed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a standby waits, in seconds: L `lease`, g `grace`, and `watch`, the longest wait between two looks."""

    lease: float
    grace: float
    watch: float
    damped: bool = True


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again after so many seconds, or sooner when woken."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Claim:
    """Claim the lease if it is still as seen."""

    reason: Reason
    epoch: int
    beat: int


def observe(previous: Observation | None, sighting: Sighting, now: float) -> Observation:
    """Add a look to what was observed; `now` is read after the answer, `previous` is None after a reconnect."""
    if previous is None:
        return Observation(sighting, now, sighting.beacon_free is False)
    unchanged = previous.sighting.identity == sighting.identity
    same_epoch = previous.sighting.epoch == sighting.epoch
    seen = sighting.beacon_free is False or (same_epoch and previous.beacon_seen)
    freed_at = None
    if seen and sighting.beacon_free:
        freed_at = previous.freed_at if unchanged and previous.freed_at is not None else now
    return Observation(sighting, previous.since if unchanged else now, seen, freed_at)


def decide(
    observation: Observation, *, now: float, instance_id: str, work_ended: bool, patience: Patience
) -> Wait | Claim:
    """Return what a standby does after a look."""
    seen = observation.sighting
    if not work_ended:
        return Wait(patience.watch)
    if seen.holder is None:
        return Claim("free", seen.epoch, seen.beat)
    if seen.holder == instance_id:
        return Claim("self", seen.epoch, seen.beat)
    at, reason = takeover(observation, now, patience)
    if at <= now:
        return Claim(reason, seen.epoch, seen.beat)
    return Wait(min(patience.watch, max(at - now, _SHORTEST_WAIT)))


def takeover(observation: Observation, now: float, patience: Patience) -> tuple[float, Reason]:
    """Return when, on our clock, a holder that stays silent from now on may be replaced, and why then."""
    seen = observation.sighting
    extra = extra_wait(seen.takeovers) if patience.damped else 0.0
    stale = max(observation.since + patience.lease + extra, now + seen.expires_in)
    lost = None if observation.freed_at is None else observation.freed_at + patience.grace + extra
    return (stale, "stale") if lost is None or stale <= lost else (lost, "session_lost")


def extra_wait(takeovers: int) -> float:
    """Return the seconds the next takeover waits longer after so many unplanned ones within ten minutes."""
    if takeovers < TAKEOVERS_AT_ONCE:
        return 0.0
    return min(LONGEST_EXTRA_WAIT, FIRST_EXTRA_WAIT * 2.0 ** min(takeovers - TAKEOVERS_AT_ONCE, 16))
