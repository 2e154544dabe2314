"""The child that carries every generation to its end, from the rows alone.

    start: what was left between row and answer becomes unknown; results nobody needs are removed
    loop:  due rows, oldest first ──▶ a step each, side by side ──▶ the row says what is next and when

    error that nobody foresaw ──▶ ever later ──▶ at its deadline it ends, read without what was asked for

Invariants: a row is worked on by one step at a time; the provider is called at its pace, whatever is waiting; the
failure of one generation stops no other; whatever fails, no state outlasts its deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

import anyio
from anyio.abc import TaskGroup, TaskStatus

from bot.catalogue import Model
from bot.generation import cadence, late, leftovers, observation, settlement, store, submission, uploading, wire
from bot.generation.cadence import Pace
from bot.generation.means import Means
from bot.generation.store import Generation, Step
from bot.ports import Wake
from bot.sql import sql
from telemetry import emit, events, semconv, tracing

STEPS_AT_ONCE: Final = 48
UPLOADS_AT_ONCE: Final = 16
"""A slow file takes minutes: however many users send one, there is room for everything else."""
LOOKS_AT_ONCE: Final = 24
"""A look may fetch for minutes: whatever becomes of hosts of results, there is room for orders and for ends."""
POLL_SECONDS: Final = 0.5
"""What wakes the worker when nothing else does."""

AWAY_SECONDS: Final = 0.5
"""Between looks at a database that is away."""

AFTER_ERROR_SECONDS: Final = 30.0
"""How long a generation waits whose step met an error that nobody foresaw; the next time it is twice as long."""

OpenMeans = Callable[[], AbstractAsyncContextManager[Means]]


class Generations:
    """The worker of one term; `open_means` acquires what its steps need."""

    def __init__(self, open_means: OpenMeans, wake: Wake, clock: Callable[[], float] = anyio.current_time) -> None:
        self._open_means = open_means
        self._wake = wake
        self._clock = clock
        self._busy: set[int] = set()
        self._uploading: set[int] = set()
        self._looking: set[int] = set()
        self._creates = Pace(cadence.CREATE_LIMIT)
        self._requests = Pace(cadence.REQUEST_LIMIT)

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Work until cancelled; woken by commits, by its own steps, and every 0.5 s for rows that are due.

        A step that is cancelled leaves its row as it is; a call whose answer must be noted is waited for a moment.
        """
        async with self._open_means() as means:
            await _recover(means)
            task_status.started()
            async with anyio.create_task_group() as group:
                group.start_soon(leftovers.clear, means, self._busy)
                while True:
                    await self._start_due(means, group)
                    await self._wake.wait(POLL_SECONDS)

    async def _start_due(self, means: Means, group: TaskGroup) -> None:
        if means.term.remaining() <= 0:
            # Whoever noticed the end of the term ends this child too; until then nothing can be done.
            await anyio.sleep_forever()
        now = self._clock()
        room, calls = STEPS_AT_ONCE - len(self._busy), self._requests.free(now)
        if room <= 0:
            return
        submits, uploads = min(self._creates.free(now), calls), UPLOADS_AT_ONCE - len(self._uploading)
        looks = min(LOOKS_AT_ONCE - len(self._looking), calls)
        most = {"uploads": min(uploads, calls), "submits": submits, "looks": looks, "ends": room}
        try:
            async with means.database.reading() as connection:
                found = await store.due(connection, busy=self._busy, **most)
        except means.database.lost as error:
            await _away(error)
            return
        for generation_id, step in found[:room]:
            if step != "end" and not self._may_call(step):
                continue
            self._busy.add(generation_id)
            if step in {"look", "late"}:
                self._looking.add(generation_id)
            if step == "upload":
                self._uploading.add(generation_id)
            group.start_soon(self._step, means, generation_id)

    def _may_call(self, step: Step) -> bool:
        now = self._clock()
        is_full = step in {"look", "late"} and len(self._looking) >= LOOKS_AT_ONCE
        if is_full or self._requests.free(now) <= 0:
            return False
        self._requests.take(now)
        if step == "submit":
            self._creates.take(now)
        return True

    async def _step(self, means: Means, generation_id: int) -> None:
        """Take the generation's next step; whatever it meets stays its own."""
        row: Generation | None = None
        try:
            async with means.database.reading() as connection:
                row = await store.get(connection, generation_id)
            if row is not None:
                await _take(means, row)
        except means.database.lost as error:
            await _away(error)
        except Exception as error:  # noqa: BLE001 - a bulkhead: one poisoned generation must not stop the others
            if means.term.remaining() > 0:
                await _set_aside(means, generation_id, row, error)
        finally:
            self._busy.discard(generation_id)
            self._uploading.discard(generation_id)
            self._looking.discard(generation_id)
            self._wake.set()


async def _take(means: Means, row: Generation) -> None:
    await _take_as(means, row, means.catalogue.get(row.model_id))


async def _take_as(means: Means, row: Generation, model: Model | None) -> None:
    with tracing.span(f"generation {row.state}", links=(tracing.link(row.traceparent),), root=True) as span:
        span.set({semconv.GEN_AI_REQUEST_MODEL: row.model_id, "vigil.generation": row.id})
        match row.state:
            case "held" | "submitted" if model is None:
                await settlement.fail(means, row, None, "ours", "withdrawn")
            case "held" if model is not None:
                is_here = all(file.file_id in row.uploads for _, file in wire.files(row.inputs))
                await (submission.submit if is_here else uploading.upload)(means, row, model)
            case "submitted" if model is not None:
                await observation.look(means, row, model)
            case "submitting":
                await submission.lose(means, row.id)
            case "unknown":
                await settlement.fail(means, row, model, "unknown", "deadline")
            case "succeeded":
                await settlement.look_after(means, row, model)
            case "delivered":
                span.set({semconv.VIGIL_OUTCOME: "charged"})
                await settlement.charge(means, row, model)
            case "failed":
                span.set({semconv.VIGIL_OUTCOME: row.failure or "transient"})
                span.fail(row.failure or "transient")
                await settlement.release(means, row, model)
            case "released" if row.late in {"awaited", "sent"}:
                await late.look(means, row, model)
            case _:
                return


async def _set_aside(means: Means, generation_id: int, row: Generation | None, error: Exception) -> None:
    """Tell of the error and let the generation wait; even one whose row cannot be read, or it would come at once.

    At its end it is taken on as if its model had been withdrawn: nothing of what was asked for is needed for that.
    """
    _tell(generation_id, row, error)
    try:
        async with means.database.transaction() as connection:
            await connection.execute(sql("generation_set_aside"), generation_id, AFTER_ERROR_SECONDS)
            row = await store.bare(connection, generation_id)
        if row is not None and _is_at_its_end(row):
            await _take_as(means, row, None)
    except means.database.lost as lost:
        await _away(lost)
    except Exception as another:  # noqa: BLE001 - a bulkhead, as above
        if means.term.remaining() > 0:
            _tell(generation_id, row, another)


def _is_at_its_end(row: Generation) -> bool:
    """Whether nothing is waited for any more: past the deadline, and with the second error where only money is left."""
    if row.state == "released":
        return row.is_too_late
    return row.is_overdue or (row.steps > 1 and row.state in {"delivered", "failed"})


def _tell(generation_id: int, row: Generation | None, error: Exception) -> None:
    state, model = (row.state, row.model_id) if row else ("unread", "other")
    emit(events.GenerationStepFailed(generation_id=generation_id, model=model, state=state, error=error))


async def _away(error: Exception) -> None:
    """Wait for a database that went away; the rows are as they were."""
    emit(events.GenerationsStalled(error=error, retry_seconds=AWAY_SECONDS))
    await anyio.sleep(AWAY_SECONDS)


async def _recover(means: Means) -> None:
    """Take up what earlier runs left: an order without an answer is unknown, and never given again."""
    async with means.database.reading() as connection:
        left = [row["id"] for row in await connection.fetch(sql("generation_left"))]
        needed = [row["id"] for row in await connection.fetch(sql("generation_open"))]
    for generation_id in left:
        try:
            await submission.lose(means, generation_id)
        except means.database.lost:
            raise
        except Exception as error:
            if means.term.remaining() <= 0:
                raise
            _tell(generation_id, None, error)
    await means.results.sweep(needed)
    emit(events.GenerationsRecovered(unknown=len(left), open=len(needed)))
