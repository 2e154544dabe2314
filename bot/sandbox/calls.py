"""What was called lately, for tests and for the curious: bounded, in memory."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any, Final

KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the Bot API and how it ended; `error` is empty when it went well."""

    method: str
    bot_id: int
    parameters: dict[str, Any]
    status: int
    error: str
    time: float
    seconds: float


class Calls:
    """The newest calls, and how many there were of each method and status."""

    def __init__(self) -> None:
        self._newest: deque[Call] = deque(maxlen=KEPT)
        self._totals: dict[str, int] = {}

    def note(self, call: Call) -> None:
        """Keep a call."""
        self._newest.append(call)
        key = f"{call.method} {call.status}"
        self._totals[key] = self._totals.get(key, 0) + 1

    def describe(self, method: str | None = None) -> dict[str, Any]:
        """Return the newest calls, oldest first, and the totals."""
        found = [asdict(call) for call in self._newest if method in (None, call.method)]
        return {"calls": found, "totals": self._totals}
