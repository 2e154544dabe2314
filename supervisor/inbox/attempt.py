"""One start of one row's handler, and what its end means for the row and its lane.

handle ──┬─ wrote: done in the same transaction, committed ─▶ done, the lane goes on
         ├─ made no statement ───────────────────────────────▶ done with the next round, and its lane goes on with it
         ├─ the database is lost, or gives up this time ─────▶ not counted, the lane waits (bounded)
         ├─ failed ──────────────────────────────────────────▶ noted, the lane waits, or the row is doomed
         └─ the term is over ────────────────────────────────▶ raised: nothing of this worker commits any more
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyio

from supervisor.database import PASSING
from supervisor.errors import SupervisorError
from supervisor.fence import Fenced
from supervisor.inbox.claims import Claims, Row, reason, verdict
from supervisor.inbox.lanes import Lanes
from supervisor.inbox.outcomes import Outcomes
from supervisor.inbox.slots import Slot
from supervisor.inbox.writing import Database, Writing
from supervisor.term import TrustLost
from telemetry import emit, events, semconv, tracing

OVER = (TrustLost, Fenced)
"""The term is over: nothing of it can commit any more."""
Handle = Callable[[Row, Any], Awaitable[None]]


class TooSlow(SupervisorError):
    """A handler did not end in time; what it did is rolled back."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How rows are handled: `handle` raises when it failed, the types in `hopeless` when trying again cannot help.

    What such an error says is noted with the row, so it quotes nothing of the body.
    """

    database: Database
    claims: Claims
    lanes: Lanes
    outcomes: Outcomes
    handle: Handle
    hopeless: tuple[type[Exception], ...]
    seconds: float
    turns: anyio.Semaphore
    committed: Callable[[], None]

    async def run(self, row: Row, slot: Slot) -> None:
        """Handle one started row and report on it to its lane; raise only when the term is over."""
        try:
            with tracing.span(
                "process updates",
                kind="consumer",
                links=[tracing.link(row.traceparent)],
                attributes=semconv.PROCESS_UPDATES,
            ) as span:
                span.set({semconv.MESSAGING_MESSAGE_ID: str(row.id), semconv.VIGIL_ATTEMPTS: row.attempts})
                async with Writing(self.database, self.turns, slot, self.seconds) as writing:
                    await self.handle(row, writing)
                    if writing.is_used:
                        await self.claims.done(writing, row)
        except OVER:
            raise
        except PASSING as error:
            delay = self.lanes.spare(row, anyio.current_time())
            if delay is None:
                self.failed(row, error, slot.began)
            else:
                emit(events.UpdateSpared(inbox_id=row.id, delay_seconds=round(delay, 3), error=reason(error)))
        except asyncio.CancelledError as error:
            # The handler's own: it awaited something that was cancelled. What cuts it short comes through its slot.
            if slot.scope.cancel_called:
                raise
            self.failed(row, error, slot.began)
        except Exception as error:  # noqa: BLE001 - handlers are foreign code: whatever they raise is this row's failure
            self.failed(row, error, slot.began)
        else:
            if writing.is_used:
                self.finish(row, slot.began)
            else:
                self.outcomes.unchanged(row, slot.began)

    def finish(self, row: Row, began: float) -> None:
        """Report a row whose handler has committed."""
        self.lanes.settled(row, committed=True)
        self.outcomes.settled(row, "done", began)
        self.committed()

    def cut_short(self, row: Row, slot: Slot) -> None:
        """Report a row whose handler was cancelled and rolled back: by its time limit, or by the end of the drain."""
        if slot.is_late:
            self.failed(row, TooSlow(f"Handling row {row.id}: no end within {self.seconds:g} s"), slot.began)
        else:
            emit(events.UpdateInterrupted(inbox_id=row.id, attempts=row.attempts))

    def failed(self, row: Row, error: BaseException, began: float) -> None:
        """Note the failure and let the lane wait for the next start, or doom the row."""
        for_good = isinstance(error, self.hopeless)
        why = verdict(error) if for_good else reason(error)
        self.outcomes.failed(row, why)
        delay = self.lanes.failed(row, why, anyio.current_time(), for_good=for_good)
        self.outcomes.settled(row, "failed", began)
        if delay is not None:
            emit(events.UpdateRetried(inbox_id=row.id, attempts=row.attempts, delay_seconds=round(delay, 3), error=why))
