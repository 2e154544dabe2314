"""held → submitting, committed, and only then the call; what it brought is written down before anything else.

task id            → submitted
surely no task     → held again (rate limit: a whole window later; not reached: soon, a few times)
                   → held again, for another model (the provider's trouble, and nobody had chosen this one)
                   → failed (refused)
perhaps a task     → unknown: never submitted again
anything else      → submitted if its task is known after all, else unknown; nobody foresaw it
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.catalogue import Model
from bot.generation import cadence, progress, rerouting, settlement, store, wire
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
    # What cannot be asked for fails here, while it is certain that nothing was.
    order = wire.order(model, row.inputs, row.uploads, means.callback_url(row.callback_token))
    await means.term.trusted()
    async with means.database.transaction() as connection:
        # Only the answer ends this state, or whoever finds it without anybody who waits for one.
        if not await store.move(connection, row, Move("submitting", wait=cadence.ANSWER_SECONDS, steps=row.steps)):
            return None
    submitting = replace(row, state="submitting")

    async def ask() -> None:
        move: Move | None = None
        try:
            move = await _asked(means, submitting, model, order)
            await _note(means, submitting, move, model)
        except Exception as error:
            await lose(means, row.id, move.task_id if move else None, error)
            raise

    return await undisturbed(means.term, ask)


async def lose(means: Means, generation_id: int, task_id: str | None = None, error: Exception | None = None) -> None:
    """Make an order unknown whose answer nobody has any more, or submitted if its task is known: never given again."""
    lost: Generation | None = None

    async def write(connection: Connection) -> None:
        nonlocal lost
        row = await store.bare(connection, generation_id)
        model = means.catalogue.get(row.model_id) if row else None
        seconds = cadence.PROVIDER_SECONDS[model.slo if model else "image"]
        if row is not None and await store.lose(connection, row, task_id, seconds) == "unknown":
            lost = row

    await means.insist(write)
    if lost is None:
        return
    emit(events.GenerationUnknown(generation_id=generation_id, model=lost.model_id, error=error))
    # In a transaction of its own: what cannot be shown is unknown all the same.
    async with means.database.transaction() as connection:
        row, model = await store.get(connection, generation_id), means.catalogue.get(lost.model_id)
        if row is not None and row.state == "unknown" and model is not None:
            await progress.show(connection, row, model, "checking")


async def _asked(means: Means, row: Generation, model: Model, order: Order) -> Move:
    try:
        await means.term.trusted()
        means.vitals.ordered(model.id)
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
        if await rerouting.taken(means, row, model, move):
            return None
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
