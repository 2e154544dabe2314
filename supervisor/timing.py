"""The times of the lock, and the inequalities that keep two ACTIVEs apart: values and pure functions.

    R renew    every how long the holder renews       L lease      how long a standby watches a silent lease
    T timeout  how long one renew may take            watch        how often a standby looks at it
    D soft     no new effect from here on             g grace      how long a freed beacon must stay free
    H hard     the process is gone from here on       K dead_link  when the server drops a dead connection

D and H count from the clock read before the last acknowledged renew was sent, L from the standby's own first sight of
an unchanged lease. A holder that is silent for H on its clock is gone before anyone has waited L on theirs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Literal

RATE_ERROR = 0.05
"""How much faster or slower than real time a clock may run (ρ)."""
LATENESS = 0.1
"""Seconds by which a timer or a kill may be late (J)."""
QUIESCE = 1.0
"""Seconds the work has to end once the term is lost (Q)."""
JITTER = 0.1
"""The largest share by which a renew may be postponed."""
RENEWS_TO_LOSE = 2
"""Renews that may fail in a row before the term does."""
PREDECESSOR = (15.0, 300.0)
"""Heartbeat interval and stale limit of the predecessor: whoever kept its settings means the profile `compat`."""
_ROUNDING = 1e-9

Profile = Literal["standard", "fast", "compat"]


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of one process, in seconds; `profile` names where they come from."""

    profile: str
    renew: float
    timeout: float
    soft: float
    hard: float
    lease: float
    watch: float
    grace: float
    dead_link: float

    @property
    def quiesce(self) -> float:
        """Seconds the work has to end once the term is lost."""
        return QUIESCE

    @property
    def lease_ms(self) -> int:
        """The lease as the database functions take it."""
        return round(self.lease * 1000)

    def problems(self) -> tuple[str, ...]:
        """Return a sentence for every rule these times break; empty when they are safe."""
        wrong = [
            f"{field.name} must be a positive number of seconds, found {getattr(self, field.name):g}"
            for field in fields(self)
            if field.name != "profile" and not 0 < getattr(self, field.name) < math.inf
        ]
        return tuple(wrong) or tuple(text for holds, text in self._rules() if not holds)

    def _rules(self) -> tuple[tuple[bool, str], ...]:
        dead_by = self.hard / (1 - RATE_ERROR) + LATENESS
        claimed_from = self.lease / (1 + RATE_ERROR)
        stopped_by = self.soft + QUIESCE
        given_up = self.renew * (1 + JITTER) + RENEWS_TO_LOSE * self.timeout
        gone = (
            f"a silent holder is surely gone only after {dead_by:.2f} s (hard deadline H = {self.hard:g} s on a slow "
            f"clock), but a standby may claim after {claimed_from:.2f} s (lease L = {self.lease:g} s on a fast one): "
            "lengthen the lease"
        )
        quiet = (
            f"the work has until {stopped_by:.2f} s to end (soft deadline D = {self.soft:g} s and {QUIESCE:g} s), but "
            f"the hard deadline H is {self.hard:g} s: lengthen the lease"
        )
        alive = (
            f"{RENEWS_TO_LOSE} lost renews take {given_up:.2f} s (R = {self.renew:g} s and {RENEWS_TO_LOSE} × "
            f"T = {self.timeout:g} s), but the soft deadline D is {self.soft:g} s: renew more often, or lengthen the lease"
        )
        cut_off = (
            f"the server drops a dead link after K = {self.dead_link:g} s, before the hard deadline H = {self.hard:g} s: "
            "a holder that is cut off could still act"
        )
        return (
            (dead_by < claimed_from, gone),
            (stopped_by <= self.hard + _ROUNDING, quiet),
            (given_up <= self.soft + _ROUNDING, alive),
            (self.dead_link >= self.hard - _ROUNDING, cut_off),
        )


PROFILES: dict[str, Timing] = {
    timing.profile: timing
    for timing in (
        Timing("standard", 2.0, 1.5, soft=7.0, hard=8.5, lease=10.0, watch=0.5, grace=0.75, dead_link=12.0),
        Timing("fast", 1.0, 0.8, soft=3.2, hard=4.2, lease=5.0, watch=0.5, grace=0.75, dead_link=6.0),
        Timing("compat", 15.0, 5.0, soft=80.0, hard=100.0, lease=120.0, watch=2.0, grace=2.0, dead_link=120.0),
    )
}


def resolve(
    profile: Profile, renew: float | None = None, lease: float | None = None
) -> tuple[Timing | None, tuple[str, ...]]:
    """Return the times of `profile` with these overrides, or None and a sentence for every rule they break.

    An overridden R scales T, an overridden L scales D, H and K. The predecessor's 15 and 300 together mean `compat`.
    """
    timing = PROFILES[profile]
    if (renew, lease) == PREDECESSOR:
        return PROFILES["compat"], ()
    if renew is not None:
        timing = replace(timing, renew=renew, timeout=timing.timeout * renew / timing.renew)
    if lease is not None:
        scale = lease / timing.lease
        timing = replace(
            timing,
            lease=lease,
            soft=timing.soft * scale,
            hard=timing.hard * scale,
            dead_link=timing.dead_link * scale,
        )
    found = timing.problems()
    return (None if found else timing), found
