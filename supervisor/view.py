"""What this instance knows of the lock at one moment: an immutable value, published by the keeper as a whole."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal

from supervisor.term import Term


class LockState(enum.StrEnum):
    """The states of supervisor.election's diagram."""

    STARTING = "STARTING"
    PASSIVE = "PASSIVE"
    CLAIMING = "CLAIMING"
    ACTIVE = "ACTIVE"
    SUSPECT = "SUSPECT"
    DRAINING = "DRAINING"
    RELEASED = "RELEASED"
    DEMOTED = "DEMOTED"


UNUSABLE = frozenset({"schema", "permission", "read_only", "heartbeat", "foreign"})
"""The reasons that are the database's or this build's fault, and pass only when somebody mends it."""


@dataclass(frozen=True, slots=True)
class LockView:
    """One moment; times are CLOCK_BOOTTIME.

    `reason` says in a word why the state is what it is: `waiting` for the holder, `database` not reachable, `schema`,
    `permission`, `read_only`, `foreign` or `heartbeat` when contending would be wrong, `stalled`, `standing_back` after
    a handover, a term's end.
    `epoch`, `holder` and `renewed_at` are the lease's, whoever holds it; None when they are not known.
    """

    state: LockState = LockState.STARTING
    reason: str = ""
    term: Term | None = None
    epoch: int | None = None
    holder: str | None = None
    renewed_at: float | None = None
    takeover_at: float | None = None

    @property
    def role(self) -> Literal["ACTIVE", "PASSIVE"]:
        """ACTIVE only while the term is trusted, even if nobody has noticed its end yet."""
        return "ACTIVE" if self.term is not None and self.term.trustworthy else "PASSIVE"

    def heartbeat_age(self, now: float) -> float | None:
        """Return the seconds since the holder's last renew that we know of."""
        renewed_at = self.term.renewed_at if self.term is not None else self.renewed_at
        return None if renewed_at is None else max(0.0, now - renewed_at)

    def takeover_in(self, now: float) -> float | None:
        """Return "taking over in N s": the wait that is left if the holder stays silent; None without one."""
        return None if self.takeover_at is None else max(0.0, self.takeover_at - now)
