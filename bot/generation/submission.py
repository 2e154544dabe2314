"""held → submitting, committed, and only then the call; what it brought is written down before anything else.

task id            → submitted
surely no task     → held again (rate limit: a whole window later; not reached: soon, a few times)
                   → failed (refused)
perhaps a task     → unknown: never submitted again
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.catalogue import Model
from bot.generation import cadence, progress, settlement, store
from bot.generation.means import Means, undisturbed
from bot.generation.store import Generation, Move
from bot.ports import Connection
from bot.providers.base import (
    Misconfigured,
    NotReached,
    Order,
    OutcomeUnknown,
    ProviderError,
    TooManyRequests,
)
from telemetry import emit, events

UNREACHED_TRIES: Final = 6
"""With the waits of `cadence.RETRIES` this is about a minute."""


async def submit(means: Means, row: Generation, model: Model) -> None:
    """Have the provider make what was confirmed."""
    if row.is_overdue:
        return await settlement.fail(means, row, model, "timeout", "queue")
    await means.term.trusted()
    async with means.database.transaction() as connection:
        # Nothing wakes this state: only the answer ends it, or the next run, which makes it unknown.
        if not await store.move(connection, row, Move("submitting", wait=None, steps=row.steps)):
            return None
    submitting = replace(row, state="submitting")

    async def ask() -> None:
        await _note(means, submitting, await _asked(means, submitting, model), model)

    return await undisturbed(means.term, ask)


async def _asked(means: Means, row: Generation, model: Model) -> Move:
    order = Order(model.id, row.inputs, means.callback_url(row.callback_token))
    try:
        await means.term.trusted()
        task_id = await means.provider_of(model).create(order)
    except ProviderError as error:
        _tell(error, model)
        return _after(error, row, model, means.luck())
    emit(events.GenerationSubmitted(generation_id=row.id, model=model.id, task_id=task_id))
    return Move(
        "submitted",
        wait=cadence.poll_delay(0.0, means.luck()),
        deadline=cadence.PROVIDER_SECONDS[model.slo],
        task_id=task_id,
    )


def _after(error: ProviderError, row: Generation, model: Model, luck: float) -> Move:
    """Return the step that a call without a task id leads to."""
    match error:
        case TooManyRequests():
            return Move("held", wait=cadence.RATE_WINDOW_SECONDS)
        case NotReached() if row.steps + 1 < UNREACHED_TRIES:
            return Move("held", wait=cadence.retry_delay(row.steps + 1, luck), steps=row.steps + 1)
        case OutcomeUnknown():
            emit(events.GenerationUnknown(generation_id=row.id, model=model.id, error=error))
            seconds = cadence.PROVIDER_SECONDS[model.slo]
            return Move("unknown", wait=seconds, deadline=seconds)
        case _:
            return Move("failed", failure=error.failure, detail=f"{error.code} {error.detail}".strip())


async def _note(means: Means, row: Generation, move: Move, model: Model) -> None:
    if move.failure is not None:
        return await settlement.fail(means, row, model, move.failure, move.detail or "")

    async def write(connection: Connection) -> None:
        if await store.move(connection, row, move) and move.to in {"submitted", "unknown"}:
            await progress.show(connection, row, model, "drawing" if move.to == "submitted" else "checking")

    return await means.insist(write)


def _tell(error: ProviderError, model: Model) -> None:
    if isinstance(error, Misconfigured):
        emit(events.ProviderMisconfigured(provider=model.family, operation=error.operation, code=error.code))
    else:
        emit(events.ProviderTroubled(provider=model.family, operation=error.operation, code=error.code, model=model.id))
