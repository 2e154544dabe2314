"""What became of rows: what the next round has to write of it, and the events that tell of it.

A handler that made no statement is done when the round's transaction says so. Its lane goes on only when a round takes
its outcome: that transaction is the first that may count a start of the row behind. So no row of a lane starts before the
one ahead of it is settled, and a crash merely repeats a handler that changed nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

import anyio

from supervisor.inbox.claims import Fate, Row
from supervisor.inbox.lanes import Heads
from telemetry import emit, events


class _Unchanged(NamedTuple):
    row: Row
    handler_seconds: float
    lag_seconds: float


class Pending(NamedTuple):
    """What one round writes: fates by id, and the rows among them whose handlers wrote nothing."""

    fates: dict[int, Fate]
    unchanged: list[_Unchanged]


class Outcomes:
    """Outcomes that no transaction has written yet; there are never more than rows that were started."""

    def __init__(self, go_on: Callable[[Row], None]) -> None:
        self._go_on = go_on
        self._fates: dict[int, Fate] = {}
        self._unchanged: list[_Unchanged] = []
        self._put_back: list[_Unchanged] = []

    def __bool__(self) -> bool:
        return bool(self._fates)

    def ids(self) -> Iterable[int]:
        """Return the rows that are not to be touched until their outcome is written."""
        return self._fates.keys()

    def unchanged(self, row: Row, began: float) -> None:
        """Settle a row whose handler wrote nothing."""
        now = anyio.current_time()
        self._fates[row.id] = Fate("done", row.attempts)
        self._unchanged.append(_Unchanged(row, now - began, row.lag(now)))

    def failed(self, row: Row, why: str) -> None:
        """Note why a start has failed; its lane keeps the row."""
        self._fates[row.id] = Fate("claimed", row.attempts, why)

    def take(self) -> Pending:
        """Let lanes go on, and return what is to be written before anything of them; write it, or put it back."""
        for row, *_ in self._unchanged:
            self._go_on(row)
        pending = Pending(self._fates, self._put_back + self._unchanged)
        self._fates, self._unchanged, self._put_back = {}, [], []
        return pending

    def put_back(self, pending: Pending) -> None:
        """Keep what could not be written, or may have been: writing it twice is writing it once."""
        self._fates = pending.fates | self._fates
        self._put_back = pending.unchanged

    def written(self, pending: Pending) -> None:
        """Tell of the rows that are done by this."""
        for row, handler_seconds, lag_seconds in pending.unchanged:
            emit(
                events.UpdateUnchanged(
                    handler_seconds=handler_seconds, lag_seconds=lag_seconds, source=row.source, outcome="done"
                )
            )
        if pending.unchanged:
            ids = tuple([row.id for row, *_ in pending.unchanged])
            emit(events.InboxSettled(rows=len(ids), ids=ids))

    def settled(self, row: Row, outcome: Literal["done", "failed", "dead"], began: float) -> None:
        """Tell of one row on its own."""
        now = anyio.current_time()
        emit(
            events.UpdateSettled(
                inbox_id=row.id,
                outcome=outcome,
                handler_seconds=now - began,
                lag_seconds=row.lag(now),
                attempts=row.attempts,
                source=row.source,
            )
        )


def with_heads(pending: Pending, heads: Heads) -> dict[int, Fate]:
    """Return the fates to be written together with these heads: starts counted, the doomed given up."""
    fates = dict(pending.fates)
    for row in heads.starting:
        noted = fates.get(row.id)
        fates[row.id] = Fate("claimed", row.attempts, noted.error if noted else None)
    for row, why in heads.doomed:
        fates[row.id] = Fate("dead", row.attempts, why)
    return fates
