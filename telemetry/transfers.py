"""The spans of leadership changing hands, derived from events: `takeover` and `handover`.

    takeover    from the last heartbeat that was seen to the term won    TermWon, stale or session_lost
    handover    from the beginning of the drain to the lock given back   RoleChanged to DRAINING … LockReleased

Pure: what an event completes is returned, and times are a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telemetry.events.base import Event
from telemetry.events.lock import LockReleased, RoleChanged, TermLost, TermWon

if TYPE_CHECKING:
    from telemetry.tracing import Value

UNPLANNED = frozenset({"stale", "session_lost"})


@dataclass(frozen=True, slots=True)
class Transfer:
    """A span that has just ended; `seconds` long."""

    name: str
    seconds: float
    attributes: Mapping[str, Value]


class Transfers:
    """What of a change of hands has been seen so far; one instance has one lock, so one at a time."""

    def __init__(self) -> None:
        self._draining_since: float | None = None

    def note(self, event: Event, now: float) -> Transfer | None:
        """Return the span that this event ends, if it ends one."""
        if isinstance(event, RoleChanged) and event.state == "DRAINING":
            self._draining_since = now
        elif isinstance(event, TermWon) and event.reason in UNPLANNED:
            return _takeover(event)
        elif isinstance(event, LockReleased | TermLost):
            since, self._draining_since = self._draining_since, None
            if isinstance(event, LockReleased):
                return _handover(event, now - (now if since is None else since))
        return None


def _takeover(won: TermWon) -> Transfer:
    waited = won.waited_seconds or 0.0
    facts: dict[str, Value] = {"epoch": won.epoch, "reason": won.reason, "waited_seconds": waited}
    if won.previous_holder is not None:
        facts["previous_holder"] = won.previous_holder
    return Transfer("takeover", waited, facts)


def _handover(released: LockReleased, drained: float) -> Transfer:
    facts: dict[str, Value] = {
        "epoch": released.epoch,
        "drained_seconds": round(drained, 3),
        "held_seconds": released.held_seconds,
    }
    return Transfer("handover", drained, facts)
