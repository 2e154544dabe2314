"""Durable acceptance: an arrival is acknowledged after the commit of a batch that it shares with others who waited.

    put ──▶ buffer ──▶ one INSERT … ON CONFLICT DO NOTHING ──commit──▶ new | duplicate
      └ full, not connected, 2 s passed, connection lost ──▶ NotStored: offer it again later

Invariants
* "new" and "duplicate" are told only after the commit of the row they speak of.
* One flusher and one connection: arrivals get their ids in the order in which they were put.
* A row that the database refuses costs no other row of its batch anything: the batch is halved until it is found.
* `NotStored` promises nothing: the row may yet be there, and offering it again is then a duplicate.
* There is no NOTIFY in this transaction: its commit lock would let one batch commit at a time in the whole database.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import anyio
import asyncpg
from anyio.abc import TaskStatus
from anyio.lowlevel import checkpoint_if_cancelled

from supervisor.child import Backoff
from supervisor.database import LOST, connected
from supervisor.errors import SupervisorError
from supervisor.inbox.batch import Arrival, Batch, Outcome, Reason, Waiter, tell_all
from supervisor.inbox.wake import Wake
from telemetry import emit, events, tracing

RETRY_AFTER = 1
"""Whole seconds after which an arrival that was not stored is welcome again."""
IDLE_SECONDS = 15.0
WHOLE_ROWS = 64
"""So many waiters share a batch; of more than twice as many, half."""
QUICK_SECONDS = 0.05
"""A batch that took longer is followed by all who wait: a disk that stalls has the fewest commits to make."""
BACKOFF = Backoff(base=0.1, cap=2.0, healthy_after=5.0)


class NotStored(SupervisorError):
    """The arrival is not known to be stored; offer it again after `retry_after` seconds."""

    retry_after = RETRY_AFTER

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"Storing an arrival: {_FOUND[reason]}; it is to be offered again.")
        self.reason = reason


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
        self._buffer: deque[Waiter] = deque()
        self._bytes = 0
        self._flush_seconds = 0.0
        self._wake = Wake()

    async def put(self, arrival: Arrival) -> Outcome:
        """Return once the arrival is committed; raise `NotStored` when it is not known to be."""
        result: Outcome | Reason = self._refuses(arrival) or await self._queued(arrival)
        if result == "new" or result == "duplicate":  # noqa: PLR1714 - narrows the type
            return result
        emit(events.UpdateNotStored(source=arrival.source, reason=result))
        raise NotStored(result)

    def _refuses(self, arrival: Arrival) -> Reason | None:
        if not self.connected:
            return "lost"
        full = len(self._buffer) >= self._limits.rows or self._bytes + len(arrival.body) > self._limits.bytes
        return "full" if full else None

    def _queued(self, arrival: Arrival) -> asyncio.Future[Outcome | Reason]:
        # The loop itself instead of anyio's wrappers: this is once a request, and they cost as much as all the rest.
        loop = asyncio.get_running_loop()
        waiter = Waiter(arrival, loop.time() + self._limits.seconds, loop.create_future(), tracing.inject())
        self._buffer.append(waiter)
        self._bytes += len(arrival.body)
        if len(self._buffer) == 1:
            self._wake.set()
        return waiter.told

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
        batch: list[Waiter] = []
        try:
            while not connection.is_closed():
                await checkpoint_if_cancelled()
                if not self._buffer:
                    await self._wake.wait(IDLE_SECONDS)
                    continue
                batch = self._take()
                # Shielded, and bounded by the batch's deadline: a commit under way is worth waiting for.
                with anyio.CancelScope(shield=True):
                    await self._flush(connection, batch)
            raise ConnectionResetError("the server ended the connection")
        finally:
            self.connected = False
            tell_all((*batch, *self._buffer), "lost")
            self._buffer.clear()
            self._bytes = 0

    def _take(self) -> list[Waiter]:
        """Take the oldest waiters that fit into one batch, without those who gave up; a row always fits alone."""
        batch: list[Waiter] = []
        room = self._limits.batch_bytes
        rows = self._limits.batch_rows
        if self._flush_seconds < QUICK_SECONDS:
            # Half of many: who is told of one half puts again while the server works on the other.
            rows = min(rows, max(WHOLE_ROWS, (len(self._buffer) + 1) // 2))
        while self._buffer and len(batch) < rows:
            size = len(self._buffer[0].arrival.body)
            if batch and size > room:
                break
            waiter = self._buffer.popleft()
            self._bytes -= size
            if not waiter.told.done():
                batch.append(waiter)
                room -= size
        return batch

    async def _flush(self, connection: Any, batch: list[Waiter]) -> None:
        if not batch:
            return
        began = anyio.current_time()
        try:
            await Batch(batch, self.stored.set).store(connection)
        except asyncpg.PostgresError as error:
            if isinstance(error, LOST):
                raise
            raise ConnectionAbortedError(f"the database cannot store now: {type(error).__name__}") from error
        finally:
            self._flush_seconds = anyio.current_time() - began
        emit(events.InboxFlushed(rows=len(batch), seconds=self._flush_seconds))
