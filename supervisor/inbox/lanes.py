"""Which claimed row may be handled next: lanes in parallel, each strictly in order. No I/O, time is a parameter.

    add()                heads()             settled()
    ─────▶ ready ──────────────────▶ busy ──────────────▶ ready, or gone when empty
             ▲                        │ failed(), again()
             └──── delay passed ── waiting

Invariants
* A lane is in one place: ready, busy or waiting; so two rows of it are never handled at once.
* Only settling the head moves a lane on: a failing head is handed out again and again, then it is doomed, and what is
  behind it waits.
* Ready lanes take turns: a lane whose head was settled goes to the end.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from supervisor.child import Backoff
from supervisor.inbox.claims import Row

MAX_STARTS = 5
"""Starts of a handler before its row is given up."""
MAX_SPARED = 5
"""Starts that a lost database may spoil without being counted; a bound, so that no row can block its lane for ever."""
BACKOFF = Backoff(base=0.5, cap=30.0)


@dataclass(slots=True)
class _Lane:
    rows: deque[Row] = field(default_factory=deque)
    spared: int = 0
    doom: str | None = None


class Lanes:
    """The rows one worker holds."""

    def __init__(
        self, *, max_starts: int = MAX_STARTS, backoff: Backoff = BACKOFF, rng: random.Random | None = None
    ) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._ready: deque[str] = deque()
        self._waiting: list[tuple[float, str]] = []
        self._size = 0
        self._max_starts = max_starts
        self._backoff = backoff
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret

    def __len__(self) -> int:
        return self._size

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows in the order of their ids, all later than the rows their lanes hold."""
        for row in rows:
            lane = self._lanes.get(row.lane)
            if lane is None:
                lane = self._lanes[row.lane] = _Lane()
                self._ready.append(row.lane)
            lane.rows.append(row)
            self._size += 1

    def ready(self, now: float) -> int:
        """Return how many heads can be handed out."""
        while self._waiting and self._waiting[0][0] <= now:
            self._ready.append(heapq.heappop(self._waiting)[1])
        return len(self._ready)

    def heads(self, limit: int, now: float) -> list[Row]:
        """Hand out at most `limit` heads of ready lanes; each lane is busy until its head is reported on."""
        return [self._lanes[self._ready.popleft()].rows[0] for _ in range(min(limit, self.ready(now)))]

    def doom(self, row: Row) -> str | None:
        """Return why this head must be given up instead of being started; None when it may start."""
        if row.attempts >= self._max_starts:
            return self._lanes[row.lane].doom or f"the process ended in its handler, started {row.attempts} times"
        return self._lanes[row.lane].doom

    def settled(self, row: Row) -> None:
        """Forget this head, done or dead: its lane goes on."""
        lane = self._lanes[row.lane]
        lane.rows.popleft()
        lane.spared, lane.doom = 0, None
        self._size -= 1
        if lane.rows:
            self._ready.append(row.lane)
        else:
            del self._lanes[row.lane]

    def failed(self, row: Row, reason: str, now: float, *, for_good: bool = False) -> float | None:
        """Count the start of this head; return the seconds until the next one, None when there is none.

        `row.attempts` is the count with this start. A head without another start is handed out once more, doomed.
        """
        lane = self._lanes[row.lane]
        lane.rows[0] = row
        if for_good or row.attempts >= self._max_starts:
            lane.doom = reason
            self._ready.append(row.lane)
            return None
        delay = self._backoff.delay(row.attempts, self._rng)
        heapq.heappush(self._waiting, (now + delay, row.lane))
        return delay

    def spare(self, row: Row, now: float) -> float | None:
        """Try this head again without counting its start; None when it was spared too often and must be counted."""
        lane = self._lanes[row.lane]
        if lane.spared >= MAX_SPARED:
            return None
        lane.spared += 1
        delay = self._backoff.delay(lane.spared, self._rng)
        heapq.heappush(self._waiting, (now + delay, row.lane))
        return delay

    def again(self, rows: Iterable[Row], now: float) -> None:
        """Take back heads that were handed out and not started."""
        for row in rows:
            heapq.heappush(self._waiting, (now, row.lane))

    def next_at(self) -> float | None:
        """Return when the next waiting lane is due; None when none waits."""
        return self._waiting[0][0] if self._waiting else None

    def held(self) -> dict[str, int]:
        """Return how many rows each lane holds."""
        return {name: len(lane.rows) for name, lane in self._lanes.items()}

    def rows(self) -> list[Row]:
        """Return every row held, whatever its lane is doing."""
        return [row for lane in self._lanes.values() for row in lane.rows]


def started(row: Row) -> Row:
    """Return the row with one more start."""
    return replace(row, attempts=row.attempts + 1)
