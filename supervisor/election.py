"""When a standby may claim: values and pure functions, the clock is a parameter.

    STARTING → PASSIVE → CLAIMING → ACTIVE → DRAINING → RELEASED
                  ↑                    └────────┴─→ DEMOTED(reason) ─→ PASSIVE, once the work has ended

A standby looks at the lease and decides
    free    nobody holds it                                                         claim at once
    self    it names this very instance, whose work has ended                       claim at once
    stale   held by another, and both clocks agree that it is over: the same
            (epoch, beat) was seen for L on our clock, and the database says
            expired                                                                 claim
    else                                                                            look again

Invariants
* No single clock can cause a takeover: neither a jump of the database's nor one of ours satisfies both.
* What was seen counts only within one connection: after a reconnect the wait begins anew, because a crash of the
  database may have lost beats that the holder was told of.
* Nothing is claimed while work of an older term of this process has not provably ended.
* A claim names what was seen; the database refuses it when anything has changed since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reason = Literal["free", "self", "stale"]
_SHORTEST_WAIT = 0.01


@dataclass(frozen=True, slots=True)
class Sighting:
    """The lease as one look showed it; `holder` None means free.

    `expires_in` and `renewed_ago` are seconds on the database's clock at the time of the look.
    """

    epoch: int
    beat: int
    holder: str | None
    expires_in: float
    renewed_ago: float

    @property
    def identity(self) -> tuple[int, int, str | None]:
        """What a living holder changes with every beat."""
        return self.epoch, self.beat, self.holder


@dataclass(frozen=True, slots=True)
class Observation:
    """The latest sighting, and since when on our clock, within one connection, the lease has looked like that."""

    sighting: Sighting
    since: float


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
    unchanged = previous is not None and previous.sighting.identity == sighting.identity
    return Observation(sighting, previous.since if previous is not None and unchanged else now)


def decide(
    observation: Observation, *, now: float, instance_id: str, work_ended: bool, lease: float, watch: float
) -> Wait | Claim:
    """Return what a standby does after a look; `lease` is L, `watch` the longest wait between two looks."""
    seen = observation.sighting
    if not work_ended:
        return Wait(watch)
    if seen.holder is None:
        return Claim("free", seen.epoch, seen.beat)
    if seen.holder == instance_id:
        return Claim("self", seen.epoch, seen.beat)
    left = takeover_at(observation, now, lease) - now
    if left <= 0:
        return Claim("stale", seen.epoch, seen.beat)
    return Wait(min(watch, max(left, _SHORTEST_WAIT)))


def takeover_at(observation: Observation, now: float, lease: float) -> float:
    """Return when, on our clock, a holder that stays silent from now on may be replaced."""
    by_database = now + observation.sighting.expires_in
    return max(observation.since + lease, by_database)
