"""Which ready rows to look at, and which of those seen to claim: no I/O, time is a parameter.

    ids of ready rows   ──▶ growing
    ┌─────────────────────────────────┬───────────────┐
    │ seen: claimed since, or known   │ not seen yet  │
    └─────▲──────────▲────────────────┴▲──────────────┘
        sweep      known_to           head
        (again)    (of one busy lane)  (looks on)

The head passes over every ready row once, so what a busy lane leaves behind is not scanned by every claim. What the
head saw and could not be claimed yet, its lane being held, is known by id. Of a lane that has more than `keep` such rows
only the first are; the rest is looked at again, from `known_to`, when those are used up.

Invariants
* Of a lane that is held nothing is chosen, and of any other one row: a busy chat takes one slot. Nobody else claims under
  our epoch, so no row is claimed before it can start.
* Rows of a lane are chosen in the order of their ids, as far as they could be seen.
* A row that another instance's writer commits late lies behind the head. Whoever sent it sends the next of its chat only
  afterwards, so every look ahead also asks for the ids that were missing when the head passed them: it sees both or none.
* No ready row is forgotten. What lies behind the head for any other reason is found by a sweep: over what the head has
  passed in the last `LATE_SECONDS`, and over everything, as often as the number of ready rows there allows.
* A choice is a promise to claim: whoever cannot keep it begins with a new feed.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import islice
from typing import NamedTuple

WINDOW = 2_000
"""Ready rows looked at by one look at most."""
KEEP = 256
"""Rows of one lane known by their ids at most."""
LATE_SECONDS = 5.0
"""How long a commit may surely take after its rows got their ids; what is later waits for the next whole sweep."""
GAPS = 1_000
"""Missing ids that are asked for again at most; more than that many commits under way at once wait for a sweep."""
SWEEP_SECONDS = 0.5
SWEEP_ROWS_PER_SECOND = 10_000
"""How much is swept: a sweep of twice as many rows is made half as often."""
SWEEP_PART = 4
"""A sweep looks at this part of a window at once: it is in no hurry, and every look holds up a round."""


class Seen(NamedTuple):
    """One ready row as a look found it; `tried`: a handler was started for it before."""

    id: int
    lane: str
    tried: bool


class Span(NamedTuple):
    """What to look at: `ahead` rows beyond `head`, `behind` rows after `after`, up to `head`, and the ids in `gaps`."""

    head: int
    ahead: int
    after: int
    behind: int
    gaps: tuple[int, ...] = ()


@dataclass(slots=True)
class _Known:
    """The ready rows of one lane. All up to `known_to` are in `ids`, or all that were seen when it is None."""

    ids: deque[int] = field(default_factory=deque)
    known_to: int | None = None


class Feed:
    """The ready rows as one worker knows them. `held` are the lanes of which a row is in memory."""

    def __init__(self, held: Container[str], *, window: int = WINDOW, keep: int = KEEP) -> None:
        self._held = held
        self._window = window
        self._keep = keep
        self._known: dict[str, _Known] = {}
        self._tried: set[int] = set()
        self._head = 0
        self._is_at_end = False
        self._ahead = 1
        self._passed = deque([(-math.inf, 0)])
        self._gaps: dict[int, float] = {}
        self._sweep: int | None = None
        self._is_whole = False
        self._swept = 0
        self._sweep_at = 0.0
        self._whole_at = 0.0

    def news(self, now: float) -> None:
        """There may be rows beyond the end, and time has passed: look again."""
        self._is_at_end = False
        if self._sweep is not None or not self._head or now < self._sweep_at:
            return
        while len(self._passed) > 1 and self._passed[1][0] <= now - LATE_SECONDS:
            self._passed.popleft()
        self._sweep = 0 if now >= self._whole_at else self._passed[0][1]
        self._is_whole = self._sweep == 0
        self._swept = 0
        self._passed.append((now, self._head))

    def span(self, room: int) -> Span | None:
        """Return what is to be looked at so that `room` rows can be chosen; None when nothing is."""
        missing = room - sum(1 for _ in islice(self._free(), room))
        if missing <= 0:
            self._ahead = 1
            return None
        after, behind = self._head, 0
        hungry = self._hungry()
        if hungry is not None:
            after, behind = hungry, self._window
        elif self._sweep is not None:
            after, behind = self._sweep, max(1, self._window // SWEEP_PART)
        ahead = 0 if self._is_at_end else min(self._window, max(missing, self._ahead))
        # Where most rows are a busy lane's, the others' are far apart: look at more and more at once.
        self._ahead = 2 * ahead
        gaps = tuple(self._gaps) if ahead else ()
        return Span(self._head, ahead, after, behind, gaps) if ahead or behind else None

    def saw(self, span: Span, found: Iterable[Seen], now: float) -> None:
        """Take in what a look at `span` found."""
        rows = sorted(set(found))
        split = bisect_left(rows, (span.head + 1,))
        late = [row for row in rows[:split] if self._gaps.pop(row.id, None) is not None]
        if span.behind:
            # What the gaps brought beyond the end of this part is no part of it.
            behind = [row for row in rows[:split] if row.id > span.after][: span.behind]
            self._saw_behind(span, behind, now)
        self._saw_late(late)
        if span.ahead:
            self._note_gaps(span.head, rows[split:], now)
            self._saw_ahead(span, rows[split:])

    def choose(self, room: int) -> list[Seen]:
        """Return the oldest known rows that may be claimed, at most `room`; they are known no more."""
        free = list(self._free())
        chosen = []
        for number, lane in nsmallest(room, free) if len(free) > room else sorted(free):
            known = self._known[lane]
            known.ids.popleft()
            if not known.ids and known.known_to is None:
                del self._known[lane]
            chosen.append(Seen(number, lane, number in self._tried))
        self._tried.difference_update([row.id for row in chosen if row.tried])
        return chosen

    def has_choice(self) -> bool:
        """Tell whether any known row may be claimed."""
        return next(self._free(), None) is not None

    def _free(self) -> Iterator[tuple[int, str]]:
        return ((known.ids[0], lane) for lane, known in self._known.items() if known.ids and lane not in self._held)

    def _hungry(self) -> int | None:
        """Return from where on to look for more rows of lanes whose known ones are used up."""
        return min(
            (
                known.known_to
                for lane, known in self._known.items()
                if known.known_to is not None and not known.ids and lane not in self._held
            ),
            default=None,
        )

    def _saw_ahead(self, span: Span, rows: Sequence[Seen]) -> None:
        for row in rows:
            known = self._known.get(row.lane)
            if known is None:
                known = self._known[row.lane] = _Known()
            if known.known_to is None:
                self._append(known, row)
        self._is_at_end = len(rows) < span.ahead
        if rows:
            self._head = rows[-1].id

    def _saw_late(self, rows: Iterable[Seen]) -> None:
        for row in rows:
            known = self._known.setdefault(row.lane, _Known())
            # Beyond what is known of its lane it is found in its turn.
            if known.known_to is None or row.id <= known.known_to:
                self._insert(known, row)

    def _note_gaps(self, head: int, rows: Sequence[Seen], now: float) -> None:
        """Remember the ids that the head passes without having seen them: the latest ones, for a while."""
        last = max(head, rows[-1].id - GAPS) if rows else head
        for row in rows:
            self._gaps.update(dict.fromkeys(range(last + 1, row.id), now))
            last = max(last, row.id)
        old = [number for number, since in self._gaps.items() if since <= now - LATE_SECONDS]
        for number in (*old, *islice(self._gaps, len(old), max(len(old), len(self._gaps) - GAPS))):
            del self._gaps[number]

    def _saw_behind(self, span: Span, rows: Sequence[Seen], now: float) -> None:
        # Lanes whose unknown rows begin within what was looked at: this look tells them on without a gap.
        told = {
            lane for lane, known in self._known.items() if known.known_to is not None and known.known_to >= span.after
        }
        for row in rows:
            known = self._known.get(row.lane)
            if known is None:
                known = self._known[row.lane] = _Known()
            if known.known_to is None or row.id <= known.known_to:
                self._insert(known, row)
            elif row.lane in told and len(known.ids) < self._keep:
                known.ids.append(row.id)
                known.known_to = row.id
                self._note(row)
            else:
                told.discard(row.lane)
        reached = span.head if len(rows) < span.behind else rows[-1].id
        for lane in told:
            known = self._known[lane]
            if known.known_to is None or len(known.ids) >= self._keep:
                continue
            known.known_to = max(known.known_to, reached)
            if known.known_to >= self._head:
                known.known_to = None
                if not known.ids:
                    del self._known[lane]
        self._swept_to(span, reached, len(rows), now)

    def _swept_to(self, span: Span, reached: int, rows: int, now: float) -> None:
        if self._sweep is None or span.after != self._sweep:
            return
        self._sweep, self._swept = reached, self._swept + rows
        if rows < span.behind:
            rest = max(SWEEP_SECONDS, self._swept / SWEEP_ROWS_PER_SECOND)
            self._sweep, self._sweep_at = None, now + rest
            if self._is_whole:
                self._whole_at = now + rest
                self._sweep_at = now + SWEEP_SECONDS

    def _append(self, known: _Known, row: Seen) -> None:
        if len(known.ids) < self._keep:
            known.ids.append(row.id)
            self._note(row)
        else:
            known.known_to = known.ids[-1]

    def _insert(self, known: _Known, row: Seen) -> None:
        """Add a row that was missed, in its place."""
        place = bisect_left(known.ids, row.id)
        if place < len(known.ids) and known.ids[place] == row.id:
            return
        known.ids.insert(place, row.id)
        self._note(row)
        if len(known.ids) > self._keep:
            self._tried.discard(known.ids.pop())
            known.known_to = known.ids[-1]

    def _note(self, row: Seen) -> None:
        if row.tried:
            self._tried.add(row.id)
