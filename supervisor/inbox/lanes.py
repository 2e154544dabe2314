"""Which claimed row may be handled next, at most one of each lane. No I/O, time is a parameter.

    add()                heads()             settled()
    ─────▶ ready ──────────────────▶ busy ──────────────▶ gone: the next row of the lane may be claimed
             ▲                        │ failed(), spare(), again()
             └──── delay passed ── waiting

Invariants
* A lane is in one place: ready, busy or waiting; so two rows of it are never handled at once.
* Only settling its head lets a lane go: a failing head is handed out again and again, then it is doomed, and meanwhile
  nothing that is behind it is claimed.
* Heads are handed out in the order in which they became ready.
* A head that was started twice before this process had it may be what killed the ones before. Such suspects are handed
  out one at a time, so that of those which ran beside a deadly one none is counted a third time with it.
* A start is counted before its outcome is known; `unsettled()` tells the counts without such starts.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from supervisor.child import Backoff
from supervisor.inbox.claims import Row

MAX_STARTS = 5
"""Starts of a handler before its row is given up."""
MAX_SPARED = 10
"""Starts that the database may spoil, uncounted, while it commits others; a bound, or a row could block its lane."""
MOST_SPARED = 100
"""The same whether it commits others or not, some three quarters of an hour: a statement may be what never ends."""
SUSPECT_STARTS = 2
"""From so many starts without a known end on, a head is a suspect: one crash alone makes nobody wait."""
BACKOFF = Backoff(base=0.5, cap=30.0)


class Heads(NamedTuple):
    """What may happen next: heads to start, each with this start in its count, and heads to give up, with the reason."""

    starting: list[Row]
    doomed: list[tuple[Row, str]]


@dataclass(slots=True)
class _Lane:
    head: Row
    is_counted: bool = False
    """The head's count includes a start that has no outcome yet."""
    spared: int = 0
    blamed: int = 0
    commits: int = -1
    """How many handlers had committed when the head was blamed last."""
    doom: str | None = None


class Lanes:
    """The rows one worker holds."""

    def __init__(
        self, *, max_starts: int = MAX_STARTS, backoff: Backoff = BACKOFF, rng: random.Random | None = None
    ) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._ready: deque[str] = deque()
        self._suspects: deque[str] = deque()
        self._suspect: str | None = None
        self._trusted: set[int] = set()
        self._waiting: list[tuple[float, str]] = []
        self._commits = 0
        self._max_starts = max_starts
        self._backoff = backoff
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret

    def __len__(self) -> int:
        return len(self._lanes)

    def __contains__(self, name: object) -> bool:
        """Whether a row of this lane is held."""
        return name in self._lanes

    @property
    def waiting(self) -> int:
        """How many lanes wait for the next start of their head."""
        return len(self._waiting)

    def add(self, rows: Iterable[Row], started: Collection[int] = ()) -> None:
        """Take rows of lanes that hold none, one of each; those in `started` are handed out by this."""
        for row in rows:
            lane = self._lanes[row.lane] = _Lane(row, row.id in started)
            if not lane.is_counted:
                self._make_ready(row.lane, lane)

    def ready(self, now: float) -> int:
        """Return how many heads can be handed out."""
        while self._waiting and self._waiting[0][0] <= now:
            name = heapq.heappop(self._waiting)[1]
            self._make_ready(name, self._lanes[name])
        return len(self._ready) + bool(self._suspects and self._suspect is None)

    def heads(self, limit: int, now: float) -> Heads:
        """Hand out at most `limit` heads of ready lanes; each lane is busy until its head is reported on."""
        found = Heads([], [])
        for _ in range(min(limit, self.ready(now))):
            if self._suspects and self._suspect is None:
                name = self._suspect = self._suspects.popleft()
            else:
                name = self._ready.popleft()
            lane = self._lanes[name]
            head = lane.head
            starts = head.attempts - lane.is_counted
            if lane.doom is not None or starts >= self._max_starts:
                why = lane.doom or f"started {starts} times; the process may have ended in its handler"
                found.doomed.append((head, why))
            else:
                if not lane.is_counted:
                    lane.head = head = replace(head, attempts=starts + 1)
                    lane.is_counted = True
                found.starting.append(head)
        return found

    def settled(self, row: Row, *, committed: bool = False) -> None:
        """Forget this head, done or dead: its lane goes on. `committed`: its handler wrote, and the database kept it."""
        self._commits += committed
        self._acquit(row)
        del self._lanes[row.lane]

    def failed(self, row: Row, reason: str, now: float, *, for_good: bool = False) -> float | None:
        """Let the start of this head count; return the seconds until the next one, None when there is none.

        A head without another start is handed out once more, doomed.
        """
        lane = self._lanes[row.lane]
        lane.is_counted = False
        self._acquit(row)
        self._trusted.add(row.id)
        if for_good or row.attempts >= self._max_starts:
            lane.doom = reason
            self._make_ready(row.lane, lane)
            return None
        delay = self._backoff.delay(row.attempts, self._rng)
        heapq.heappush(self._waiting, (now + delay, row.lane))
        return delay

    def spare(self, row: Row, now: float) -> float | None:
        """Try this head again without counting its start; None when it was spared too often and must be counted.

        A row is to blame only while others commit: a table that is locked for minutes must not make all of them dead.
        """
        lane = self._lanes[row.lane]
        if self._commits != lane.commits:
            lane.blamed, lane.commits = lane.blamed + 1, self._commits
        if lane.blamed > MAX_SPARED or lane.spared >= MOST_SPARED:
            return None
        self._acquit(row)
        self._trusted.add(row.id)
        lane.spared += 1
        delay = self._backoff.delay(lane.spared, self._rng)
        heapq.heappush(self._waiting, (now + delay, row.lane))
        return delay

    def again(self, rows: Iterable[Row], now: float) -> None:
        """Take back heads that were handed out and not started."""
        for row in rows:
            if self._suspect == row.lane:
                self._suspect = None
            heapq.heappush(self._waiting, (now, row.lane))

    def next_at(self) -> float | None:
        """Return when the next waiting lane is due; None when none waits."""
        return self._waiting[0][0] if self._waiting else None

    def ids(self) -> list[int]:
        """Return the ids of every row held, whatever its lane is doing."""
        return [lane.head.id for lane in self._lanes.values()]

    def unsettled(self) -> list[Row]:
        """Return every row held, its count without a start that has no outcome."""
        return [replace(lane.head, attempts=lane.head.attempts - lane.is_counted) for lane in self._lanes.values()]

    def _make_ready(self, name: str, lane: _Lane) -> None:
        head = lane.head
        if head.attempts - lane.is_counted >= SUSPECT_STARTS and head.id not in self._trusted:
            self._suspects.append(name)
        else:
            self._ready.append(name)

    def _acquit(self, row: Row) -> None:
        """The handler of this row has ended and the process has not."""
        if self._suspect == row.lane:
            self._suspect = None
        self._trusted.discard(row.id)
