"""A model's circuit breaker: what fails again and again is not sold until it has been tried again.

    closed ──4 faults in a row, or half of the last 20──▶ open ──cooled down──▶ half open
      ▲                                                    ▲                     │     │
      └─────────────────── a success ──────────────────────│─────────────────────┘     │
                                                           └── a fault: cools twice as long ─┘

Invariants: while it is open nothing gets through, and whatever ends meanwhile changes nothing; half open, nothing more
gets through once an order is under way; one whose end nobody hears of holds up the next for `PROBE_SECONDS` at most.
Times are seconds of one clock, given by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

State = Literal["closed", "half_open", "open"]

IN_A_ROW: Final = 4
REMEMBERED: Final = 20
ENOUGH: Final = 10
"""So many ends must be known before their share counts."""
SHARE: Final = 0.5

COOLING_SECONDS: Final = 60.0
LONGEST_COOLING_SECONDS: Final = 1800.0
PROBE_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """One model's; `recent` are its last ends, newest last, True where the model was at fault."""

    recent: tuple[bool, ...] = ()
    opened_at: float | None = None
    cooling: float = COOLING_SECONDS
    probed_at: float | None = None

    def state(self, now: float) -> State:
        """Return how it stands."""
        if self.opened_at is None:
            return "closed"
        return "open" if now < self.opened_at + self.cooling else "half_open"

    def allows(self, now: float) -> bool:
        """Whether an order may be given now."""
        match self.state(now):
            case "closed":
                return True
            case "half_open":
                return self.probed_at is None or now >= self.probed_at + PROBE_SECONDS
            case _:
                return False

    def ordered(self, now: float) -> Breaker:
        """Return the breaker after an order was given: half open, it is the one that tries."""
        return replace(self, probed_at=now) if self.state(now) == "half_open" else self

    def ended(self, now: float, *, is_fault: bool) -> Breaker:
        """Return the breaker after an order ended."""
        match self.state(now):
            case "closed":
                recent = (*self.recent, is_fault)[-REMEMBERED:]
                return Breaker(recent, now if _is_failing(recent) else None)
            case "half_open" if is_fault:
                return Breaker((), now, min(2 * self.cooling, LONGEST_COOLING_SECONDS))
            case "half_open":
                return Breaker()
            case _:
                return self


def _is_failing(recent: tuple[bool, ...]) -> bool:
    if len(recent) >= IN_A_ROW and all(recent[-IN_A_ROW:]):
        return True
    # A success is no reason to stop selling, whatever was before it.
    return recent[-1] and len(recent) >= ENOUGH and sum(recent) >= SHARE * len(recent)
