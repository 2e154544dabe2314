"""Remove rows that nobody needs any more, in small steps that never stand in the way of the work.

    pass ──▶ batch (≤ 1,000 rows, one short fenced transaction) ──▶ pause ──▶ … ──▶ rest until the next look
                └─ held up by a lock, or took too long ──▶ half as many rows, at the next look

Invariants
* Only settled rows go: a row that is ready or claimed, or locked by anybody, is left where it is.
* A batch looks at a bounded number of rows, from where the one before it stopped, so what is kept costs nothing twice;
  once a day the looks begin anew at the oldest row, for what was locked or still needed then.
* Between batches it rests several times as long as the batch took: it never has more than a quarter of a connection.
* A done row rejects duplicates for as long as anybody may still repeat what it held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import anyio
import asyncpg
from anyio.abc import TaskStatus

from supervisor.sql import sql
from telemetry import emit, events

DAY = 86_400.0
BEGINNING = datetime.min.replace(tzinfo=UTC)
DONE_SECONDS = 2 * DAY
"""Telegram repeats an update for 24 hours at most; a row that is gone cannot reject its duplicate."""
DEAD_SECONDS = 30 * DAY
STATEMENT_MS = 1_000
LOCK_MS = 100
"""The wait for a lock of a whole table: whoever changes the schema goes first, and so does what queues behind it."""
HELD_UP = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    # Somebody has begun to refer to a row after this batch had looked.
    asyncpg.ForeignKeyViolationError,
)
"""What ends a batch without anything being wrong."""

Kind = Literal["inbox_done", "inbox_dead", "outbox", "erased_messages", "erased_arrivals"]


class Database(Protocol):
    """What removing needs of the fenced database of its term."""

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """Open a fenced transaction."""
        ...


@dataclass(frozen=True, slots=True)
class Keep:
    """How long rows of one kind are kept once they are settled, and the query that removes a batch of older ones.

    The query takes a place (time and id), the seconds, and how many rows to look at; it answers how many it has looked
    at and removed, and the place of the last one.
    """

    kind: Kind
    query: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is removed at once, and how long is rested; `rest` is in lengths of the batch before."""

    rows: int = 1_000
    rest: float = 3.0
    least_rest_seconds: float = 0.05
    look_seconds: float = 60.0
    anew_seconds: float = DAY


PACE = Pace()


def of_inbox() -> tuple[Keep, ...]:
    """Return how long the inbox's own rows are kept."""
    return (
        Keep("inbox_done", sql("inbox_forget_done"), DONE_SECONDS),
        Keep("inbox_dead", sql("inbox_forget_dead"), DEAD_SECONDS),
    )


@dataclass(frozen=True, slots=True)
class Retention:
    """A child of one term: `keeps` are gone through in their order."""

    database: Database
    keeps: Sequence[Keep]
    pace: Pace = PACE
    clock: Callable[[], float] = anyio.current_time

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Remove what is too old; woken by time, stopped by cancellation.

        Raises what the database raises when it is lost, and `TrustLost` or `Fenced` when the term is over.
        """
        task_status.started()
        while True:
            began = self.clock()
            walks = [_Walk(self, keep) for keep in self.keeps]
            while self.clock() - began < self.pace.anew_seconds:
                for walk in walks:
                    await walk.go_on()
                await anyio.sleep(self.pace.look_seconds)


@dataclass(slots=True)
class _Walk:
    """One way through the rows of a kind, from the oldest to the newest that is old enough."""

    retention: Retention
    keep: Keep
    settled_at: datetime = BEGINNING
    id: int = 0
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        self.rows = self.retention.pace.rows

    async def go_on(self) -> None:
        """Go as far as there is anything to look at; a batch that is held up ends it for now."""
        pace, clock = self.retention.pace, self.retention.clock
        is_more = True
        while is_more:
            began = clock()
            try:
                is_more = await self._batch()
            except HELD_UP as error:
                emit(events.RetentionHeldUp(kind=self.keep.kind, rows=self.rows, error=error))
                self.rows, is_more = max(1, self.rows // 2), False
            else:
                self.rows = min(pace.rows, 2 * self.rows)
            await anyio.sleep(max(pace.least_rest_seconds, pace.rest * (clock() - began)))

    async def _batch(self) -> bool:
        """Look at the next rows and remove those that may go; False when these were the last."""
        async with self.retention.database.transaction() as connection:
            await connection.execute(sql("retention_limit"), str(STATEMENT_MS), str(LOCK_MS))
            found = await connection.fetchrow(self.keep.query, self.settled_at, self.id, self.keep.seconds, self.rows)
        if found["looked"]:
            self.settled_at, self.id = found["settled_at"], found["id"]
        if found["removed"]:
            emit(events.RowsRemoved(kind=self.keep.kind, rows=found["removed"]))
        return bool(found["looked"] == self.rows)
