"""One start of one row's handler, and what its end means for the row and its lane.

handle + done, one transaction ──┬─ committed ───────────────▶ done, the lane goes on
                                 ├─ the database is lost ────▶ not counted, the lane waits (bounded)
                                 ├─ failed ──────────────────▶ noted, the lane waits, or the row is doomed
                                 └─ the term is over ────────▶ raised: nothing of this worker commits any more
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import anyio

from supervisor.database import LOST
from supervisor.errors import SupervisorError
from supervisor.fence import Fenced
from supervisor.inbox.claims import Claims, Row, reason
from supervisor.inbox.lanes import Lanes
from supervisor.term import TrustLost
from telemetry import emit, events, semconv, tracing

OVER = (TrustLost, Fenced)
"""The term is over: nothing of it can commit any more."""
LOST_PAUSE = 0.5
Handle = Callable[[Row, Any], Awaitable[None]]


class Database(Protocol):
    """What handling needs of the fenced database of its term."""

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """Open a fenced transaction."""
        ...


class TooSlow(SupervisorError):
    """A handler did not end in time; what it did is rolled back."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How rows are handled: `handle` raises when it failed, the types in `hopeless` when trying again cannot help."""

    database: Database
    claims: Claims
    lanes: Lanes
    handle: Handle
    hopeless: tuple[type[Exception], ...]
    seconds: float
    committed: Callable[[], None]

    async def run(self, row: Row) -> None:
        """Handle one started row and report on it to its lane; raise only when the term is over."""
        began = anyio.current_time()
        links = [tracing.link(row.traceparent)]
        try:
            with tracing.span("process updates", kind="consumer", links=links) as span:
                span.set({semconv.MESSAGING_MESSAGE_ID: str(row.id), semconv.VIGIL_ATTEMPTS: row.attempts})
                await self._handle(row)
        except OVER:
            raise
        except LOST as error:
            delay = self.lanes.spare(row, anyio.current_time())
            if delay is None:
                await self._failed(row, error, began)
            else:
                emit(events.UpdateSpared(inbox_id=row.id, delay_seconds=round(delay, 3), error=error))
        except Exception as error:  # noqa: BLE001 - handlers are foreign code: whatever they raise is this row's failure
            await self._failed(row, error, began)
        else:
            self.finish(row, began)

    def finish(self, row: Row, began: float) -> None:
        """Report a row whose handler has committed."""
        self.lanes.settled(row)
        self._settled(row, "done", began)
        self.committed()

    async def bury(self, row: Row) -> None:
        """Make a doomed head a dead letter; its lane goes on."""
        began = anyio.current_time()
        why = self.lanes.doom(row) or "given up"
        try:
            async with self.database.transaction() as connection:
                buried = await self.claims.bury(connection, row, why)
        except LOST as error:
            self.lanes.again([row], anyio.current_time() + LOST_PAUSE)
            emit(events.InboxStalled(error=error, retry_seconds=LOST_PAUSE))
            return
        self.lanes.settled(row)
        if buried:
            self._settled(row, "dead", began)
            emit(events.UpdateDead(inbox_id=row.id, reason=why, attempts=row.attempts))

    async def _handle(self, row: Row) -> None:
        with anyio.move_on_after(self.seconds) as limit:
            async with self.database.transaction() as connection:
                await self.handle(row, connection)
                await self.claims.done(connection, row)
        if limit.cancelled_caught:
            raise TooSlow(f"Handling row {row.id}: no end within {self.seconds:g} s")

    async def _failed(self, row: Row, error: Exception, began: float) -> None:
        """Note the failure and let the lane wait for the next start, or doom the row."""
        why = reason(error)
        try:
            async with self.database.transaction() as connection:
                await self.claims.fail(connection, row, why)
        except LOST as lost:
            emit(events.InboxStalled(error=lost, retry_seconds=LOST_PAUSE))
        delay = self.lanes.failed(row, why, anyio.current_time(), for_good=isinstance(error, self.hopeless))
        self._settled(row, "failed", began)
        if delay is not None:
            emit(
                events.UpdateRetried(inbox_id=row.id, attempts=row.attempts, delay_seconds=round(delay, 3), error=error)
            )

    def _settled(self, row: Row, outcome: Literal["done", "failed", "dead"], began: float) -> None:
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
