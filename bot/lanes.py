"""Which lanes have something to send, and when each is looked at next: values in memory, no I/O.

    unknown ──add──▶ waiting until due ──take──▶ taken ──back──▶ waiting … ──forget──▶ unknown

Invariants
* A known lane is either waiting, once, or taken: so nobody sends two rows of a lane at a time.
* Lanes come in the order in which they became due: one that was just served stands behind all that wait.
* A lane that waits is not looked at before it is due, however often somebody asks.
"""

from __future__ import annotations

import heapq
import math
from itertools import count


class Lanes:
    """At most `most` lanes; the rows themselves stay in the database."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()
        self._waiting: list[tuple[float, int, str]] = []
        self._turns = count()

    @property
    def room(self) -> int:
        """How many more lanes can be kept."""
        return max(0, self._most - len(self._known))

    @property
    def next_due(self) -> float:
        """When the next lane is due; infinite when none waits."""
        return self._waiting[0][0] if self._waiting else math.inf

    def __contains__(self, lane: str) -> bool:
        """Whether the lane is known."""
        return lane in self._known

    def add(self, lane: str, due: float) -> bool:
        """Let a lane wait until `due`, unless it is known already; False when there is no room for it."""
        if lane in self._known:
            return True
        if not self.room:
            return False
        self._known.add(lane)
        self.back(lane, due)
        return True

    def take(self, now: float, most: int) -> list[str]:
        """Return up to so many lanes that are due; each is yours until you bring it back or forget it."""
        taken: list[str] = []
        while len(taken) < most and self.next_due <= now:
            taken.append(heapq.heappop(self._waiting)[2])
        return taken

    def back(self, lane: str, due: float) -> None:
        """Let a taken lane wait until `due`."""
        heapq.heappush(self._waiting, (due, next(self._turns), lane))

    def forget(self, lane: str) -> None:
        """Drop a taken lane: it has nothing to send."""
        self._known.discard(lane)
