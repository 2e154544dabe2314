"""One batch of arrivals: written in one statement, and each of its waiters told what became of its row.

A row that the database refuses costs no other row anything: the batch is halved until that row is alone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import anyio
import asyncpg

from supervisor.sql import sql
from telemetry import emit, events

Outcome = Literal["new", "duplicate"]
Reason = Literal["full", "late", "lost", "refused"]
LEAST_SECONDS = 0.05
"""What a batch is given that comes at its deadline."""
OF_A_ROW = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    # Two instances that hold the same keys in another order wait for each other; a row alone waits for nobody in turn.
    asyncpg.DeadlockDetectedError,
)
"""What one row can do to its batch. All else is the database's own trouble and costs the connection."""
TOO_SLOW = (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError)
"""A time limit that the server or the role has set, shorter than ours."""


class Arrival(Protocol):
    """What is to be kept; `dead` keeps the row without handling it and says why."""

    @property
    def source(self) -> str: ...  # noqa: D102 - the table's column of this name
    @property
    def dedupe_key(self) -> str: ...  # noqa: D102
    @property
    def lane(self) -> str: ...  # noqa: D102
    @property
    def body(self) -> bytes: ...  # noqa: D102
    @property
    def dead(self) -> str | None: ...  # noqa: D102


@dataclass(slots=True, eq=False)
class Waiter:
    """Who waits for the commit of an arrival, until its deadline."""

    arrival: Arrival
    deadline: float
    # The reason of a failure is a result too: an exception nobody fetches any more would be logged as lost.
    told: asyncio.Future[Outcome | Reason]
    traceparent: str | None

    def tell(self, result: Outcome | Reason) -> None:
        """Tell it, unless it was told before or has given up."""
        if not self.told.done():
            self.told.set_result(result)


@dataclass(frozen=True, slots=True)
class Batch:
    """Waiters in the order of their arrivals; `committed` is called after every commit."""

    waiters: Sequence[Waiter]
    committed: Callable[[], None]

    async def store(self, connection: Any) -> None:
        """Write all in one statement; if a row is refused, write the halves, down to that row.

        Raises what the connection or the database as a whole has met; who is not told by then is to be told by the caller.
        """
        try:
            await self._insert(connection)
        except TOO_SLOW:
            self.tell("late")
        except OF_A_ROW as error:
            if len(self.waiters) == 1:
                emit(events.InboxRowRefused(source=self.waiters[0].arrival.source, error=error))
                self.tell("refused")
                return
            middle = len(self.waiters) // 2
            for half in (self.waiters[:middle], self.waiters[middle:]):
                part = Batch(half, self.committed)
                if half[0].deadline > anyio.current_time():
                    await part.store(connection)
                part.tell("late")

    def tell(self, reason: Reason) -> None:
        """Tell everybody who does not know yet why nothing is known to be stored."""
        tell_all(self.waiters, reason)

    async def _insert(self, connection: Any) -> None:
        """Write the rows in their order, in a transaction of their own, and tell each waiter what became of its."""
        arrivals = [waiter.arrival for waiter in self.waiters]
        # The oldest waits longest, so nobody waits longer than its deadline; a slower connection is given up.
        left = max(LEAST_SECONDS, self.waiters[0].deadline - anyio.current_time())
        try:
            stored = await connection.fetch(
                sql("inbox_store"),
                [arrival.source for arrival in arrivals],
                [arrival.dedupe_key for arrival in arrivals],
                [arrival.lane for arrival in arrivals],
                [arrival.body for arrival in arrivals],
                [waiter.traceparent for waiter in self.waiters],
                [arrival.dead for arrival in arrivals],
                timeout=left,
            )
        except TimeoutError:
            self.tell("late")
            connection.terminate()
            raise
        self.committed()
        self._tell_each({(source, key) for source, key in stored})

    def _tell_each(self, new: set[tuple[str, str]]) -> None:
        """Tell every waiter which it was; the keys are those of the rows that came into being."""
        counted: Counter[tuple[str, Outcome]] = Counter()
        for waiter in self.waiters:
            arrival = waiter.arrival
            key = (arrival.source, arrival.dedupe_key)
            # Equal keys in one batch are one row: only its first waiter brought something new.
            result: Outcome = "new" if key in new else "duplicate"
            new.discard(key)
            waiter.tell(result)
            counted[arrival.source, result] += 1
            if arrival.dead is not None and result == "new":
                emit(events.UpdateDead(inbox_id=None, reason=arrival.dead))
        for (source, result), rows in counted.items():
            emit(events.UpdatesAccepted(source=source, result=result, rows=rows))


def tell_all(waiters: Iterable[Waiter], reason: Reason) -> None:
    """Tell everybody who does not know yet why nothing is known to be stored."""
    for waiter in waiters:
        waiter.tell(reason)
