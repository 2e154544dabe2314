"""Durable acceptance: an arrival is acknowledged after the commit of a batch that it shares with all who waited.

    put ──▶ buffer ──▶ one INSERT … ON CONFLICT DO NOTHING ──commit──▶ new | duplicate
      └ full, not connected, 2 s passed, connection lost ──▶ NotStored: offer it again later

Invariants
* "new" and "duplicate" are told only after the commit of the row they speak of.
* One flusher and one connection: arrivals get their ids in the order in which they were put.
* A row that the database refuses costs no other row of its batch anything.
* `NotStored` promises nothing: the row may yet be there, and offering it again is then a duplicate.
* There is no NOTIFY in this transaction: its commit lock would let one batch commit at a time in the whole database.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import anyio
import asyncpg
from anyio.abc import TaskStatus
from anyio.lowlevel import checkpoint_if_cancelled

from supervisor.child import Backoff
from supervisor.database import LOST, connected
from supervisor.errors import SupervisorError
from supervisor.inbox.wake import Wake
from supervisor.sql import sql
from telemetry import emit, events, tracing

Outcome = Literal["new", "duplicate"]
Reason = Literal["full", "late", "lost", "refused"]
RETRY_AFTER = 1
"""Whole seconds after which an arrival that was not stored is welcome again."""
IDLE_SECONDS = 15.0
LEAST_FLUSH_SECONDS = 0.05
BACKOFF = Backoff(base=0.1, cap=2.0, healthy_after=5.0)


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


class NotStored(SupervisorError):
    """The arrival is not known to be stored; offer it again after `retry_after` seconds."""

    def __init__(self, reason: Reason, *, retry_after: int = RETRY_AFTER) -> None:
        super().__init__(f"Storing an arrival: {_FOUND[reason]}; it is to be offered again.")
        self.reason = reason
        self.retry_after = retry_after


_FOUND: dict[Reason, str] = {
    "full": "the buffer is full",
    "late": "the database did not commit in time",
    "lost": "the inbox is not connected to the database",
    "refused": "the database refuses this row",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the writer holds at most, and for how long."""

    rows: int = 2_000
    bytes: int = 64 << 20
    batch_rows: int = 500
    batch_bytes: int = 8 << 20
    seconds: float = 2.0


LIMITS = Limits()


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    arrival: Arrival
    deadline: float
    # The reason of a failure is a result too: an exception nobody fetches any more would be logged as lost.
    told: asyncio.Future[Outcome | Reason]
    traceparent: str | None = field(default_factory=tracing.inject)

    def tell(self, result: Outcome | Reason) -> None:
        if not self.told.done():
            self.told.set_result(result)


class Writer:
    """A child with one dedicated connection; `stored` is set after every commit."""

    def __init__(
        self,
        url: Callable[[], str],
        *,
        limits: Limits = LIMITS,
        backoff: Backoff = BACKOFF,
        rng: random.Random | None = None,
    ) -> None:
        self.stored = Wake()
        self.connected = False
        self._url = url
        self._limits = limits
        self._backoff = backoff
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._buffer: deque[_Waiter] = deque()
        self._bytes = 0
        self._wake = Wake()

    async def put(self, arrival: Arrival) -> Outcome:
        """Return once the arrival is committed; raise `NotStored` when it is not known to be."""
        refused = self._refuses(arrival)
        result: Outcome | Reason = refused or await self._queued(arrival)
        if result == "new" or result == "duplicate":  # noqa: PLR1714 - narrows the type
            emit(events.UpdateAccepted(source=arrival.source, result=result))
            if arrival.dead is not None and result == "new":
                emit(events.UpdateDead(inbox_id=None, reason=arrival.dead))
            return result
        emit(events.UpdateNotStored(source=arrival.source, reason=result))
        raise NotStored(result)

    def _refuses(self, arrival: Arrival) -> Reason | None:
        if not self.connected:
            return "lost"
        full = len(self._buffer) >= self._limits.rows or self._bytes + len(arrival.body) > self._limits.bytes
        return "full" if full else None

    async def _queued(self, arrival: Arrival) -> Outcome | Reason:
        deadline = anyio.current_time() + self._limits.seconds
        waiter = _Waiter(arrival, deadline, asyncio.get_running_loop().create_future())
        self._buffer.append(waiter)
        self._bytes += len(arrival.body)
        self._wake.set()
        return await waiter.told

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Write what is put; woken by `put` and by the loss of the connection, stopped by cancellation.

        Connects again by itself, for ever; while it is not connected, `put` refuses at once.
        """
        failures, is_first = 0, True
        while True:
            began = anyio.current_time()
            try:
                async with self._connection() as connection:
                    emit(events.InboxWriterConnected(seconds=round(anyio.current_time() - began, 3)))
                    self.connected = True
                    if is_first:
                        task_status.started()
                    is_first, began = False, anyio.current_time()
                    await self._write(connection)
            except LOST as error:
                failures = self._backoff.failures_after(failures, anyio.current_time() - began)
                delay = self._backoff.delay(failures, self._rng)
                emit(events.InboxWriterLost(error=error, retry_seconds=round(delay, 3)))
                await anyio.sleep(delay)

    def _connection(self) -> AbstractAsyncContextManager[Any]:
        return connected(self._url(), application_name="vigil inbox", settings={"synchronous_commit": "on"})

    async def _write(self, connection: Any) -> None:
        """Flush batch after batch until the connection is lost or the task is cancelled."""
        connection.add_termination_listener(lambda _: self._wake.set())
        batch: list[_Waiter] = []
        try:
            while not connection.is_closed():
                await checkpoint_if_cancelled()
                if not self._buffer:
                    await self._wake.wait(IDLE_SECONDS)
                    continue
                batch = self._take()
                # Shielded, and bounded by the batch's deadline: a commit under way is worth waiting for.
                with anyio.CancelScope(shield=True):
                    await self._store(connection, batch)
            raise ConnectionResetError("the server ended the connection")
        finally:
            self.connected = False
            _tell_all((*batch, *self._buffer), "lost")
            self._buffer.clear()
            self._bytes = 0

    def _take(self) -> list[_Waiter]:
        """Take the oldest waiters that fit into one batch, without those who gave up."""
        batch: list[_Waiter] = []
        size = 0
        while self._buffer and len(batch) < self._limits.batch_rows and size < self._limits.batch_bytes:
            waiter = self._buffer.popleft()
            self._bytes -= len(waiter.arrival.body)
            if not waiter.told.done():
                batch.append(waiter)
                size += len(waiter.arrival.body)
        return batch

    async def _store(self, connection: Any, batch: list[_Waiter]) -> None:
        """Write the batch in one statement; on an error of the data, row by row."""
        if not batch:
            return
        began = anyio.current_time()
        try:
            await self._insert(connection, batch)
        except (asyncpg.PostgresError, UnicodeError) as error:
            if isinstance(error, LOST):
                raise
            await self._store_each(connection, batch)
        emit(events.InboxFlushed(rows=len(batch), seconds=anyio.current_time() - began))
        self.stored.set()

    async def _store_each(self, connection: Any, batch: Iterable[_Waiter]) -> None:
        for waiter in batch:
            if waiter.deadline <= anyio.current_time():
                waiter.tell("late")
                continue
            try:
                await self._insert(connection, [waiter])
            except (asyncpg.PostgresError, UnicodeError) as error:
                if isinstance(error, LOST):
                    raise
                emit(events.InboxRowRefused(source=waiter.arrival.source, error=error))
                waiter.tell("refused")

    async def _insert(self, connection: Any, batch: Sequence[_Waiter]) -> None:
        """Write the rows in their order, in a transaction of their own, and tell each waiter what became of its."""
        arrivals = [waiter.arrival for waiter in batch]
        # The oldest waits longest, so nobody waits longer than its deadline; a slower connection is given up.
        left = max(LEAST_FLUSH_SECONDS, batch[0].deadline - anyio.current_time())
        try:
            stored = await connection.fetch(
                sql("inbox_store"),
                [arrival.source for arrival in arrivals],
                [arrival.dedupe_key for arrival in arrivals],
                [arrival.lane for arrival in arrivals],
                [arrival.body for arrival in arrivals],
                [waiter.traceparent for waiter in batch],
                [arrival.dead for arrival in arrivals],
                timeout=left,
            )
        except TimeoutError:
            _tell_all(batch, "late")
            connection.terminate()
            raise
        new = {(record["source"], record["dedupe_key"]) for record in stored}
        for waiter in batch:
            key = (waiter.arrival.source, waiter.arrival.dedupe_key)
            waiter.tell("new" if key in new else "duplicate")
            # Equal keys in one batch are one row: only its first waiter brought something new.
            new.discard(key)


def _tell_all(waiters: Iterable[_Waiter], reason: Reason) -> None:
    for waiter in waiters:
        waiter.tell(reason)
