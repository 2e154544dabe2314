"""How models have done lately, and whether one may be routed to; pure.

Moderation, refused inputs and cancellations are no fault of a model and count neither for it nor against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.breaker import Breaker
from bot.ports import Health

ENOUGH: Final = 5
"""So many ends within the hour before a share of them is told."""
ENOUGH_SECONDS: Final = 3
HEALTHY: Final = 0.5
"""Less than this share of successes, and nobody is routed there."""

UNMEASURED: Final = Health()
CLOSED: Final = Breaker()


@dataclass(frozen=True, slots=True)
class Recent:
    """What a model did within the last hour and day; `seconds` is a sum. An hour slides, so counts have fractions."""

    successes: float = 0.0
    faults: float = 0.0
    seconds: float = 0.0
    day_successes: float = 0.0
    day_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a model: measured, and felt since the term began."""

    health: Health = UNMEASURED
    breaker: Breaker = CLOSED

    def is_healthy(self, now: float) -> bool:
        """Whether somebody who chose no model may be routed here; of too few ends nothing bad is thought."""
        return self.breaker.allows(now) and (self.health.success is None or self.health.success >= HEALTHY)


Standings = Mapping[str, Standing]
"""By model; one that is missing has done nothing yet."""


def health(recent: Recent) -> Health:
    """Return the share that succeeded within the hour, and the mean of what a success took: of the hour, else of the day."""
    ended = recent.successes + recent.faults
    success = recent.successes / ended if ended >= ENOUGH else None
    if recent.successes >= ENOUGH_SECONDS:
        return Health(success, recent.seconds / recent.successes)
    if recent.day_successes >= ENOUGH_SECONDS:
        return Health(success, recent.day_seconds / recent.day_successes)
    return Health(success)
