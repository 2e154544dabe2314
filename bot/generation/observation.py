"""submitted → succeeded | failed: looks at the task, fetches what it brought, queues that in the same transaction."""

from __future__ import annotations

from bot.catalogue import Model
from bot.generation import cadence, dispatch, pieces, progress, settlement, store
from bot.generation.collection import collect, compare, cost
from bot.generation.means import Means
from bot.generation.results import DiskTroubled, ResultRefused, ResultUnavailable
from bot.generation.store import Generation, Move
from bot.providers.base import Failed, Pending, ProviderError, Succeeded
from telemetry import emit, events


async def look(means: Means, row: Generation, model: Model) -> None:
    """Ask the provider once how the task stands, and go on accordingly."""
    await means.term.trusted()
    try:
        found = await means.provider_of(model).poll(row.task_id or "")
    except ProviderError as error:
        emit(events.ProviderTroubled(provider=model.family, operation=error.operation, code=error.code, model=model.id))
        return await _later(means, row, model, _retry(means, row))
    match found:
        case Pending():
            return await _later(means, row, model, (cadence.poll_delay(row.age, means.luck()), 0))
        case Failed(failure, code, detail):
            return await settlement.fail(means, row, model, failure, f"{code} {detail}".strip())
        case Succeeded():
            return await _succeed(means, row, model, found)


async def _succeed(means: Means, row: Generation, model: Model, found: Succeeded) -> None:
    try:
        brought = await collect(means, row, found)
    except ResultRefused as error:
        return await settlement.fail(means, row, model, "transient", f"result {error}")
    except ResultUnavailable as error:
        # It is paid for: until the deadline it may come, and afterwards it is still looked for.
        if isinstance(error, DiskTroubled):
            emit(events.GenerationStepFailed(generation_id=row.id, model=model.id, state=row.state, error=error))
        return await _later(means, row, model, _retry(means, row), error)
    took = cost(row, model, found)
    first = next((piece.url for piece in brought if piece.url is not None), None)
    async with means.database.transaction() as connection:
        # From here on the outbox has the word: it delivers, or says that it cannot.
        move = Move("succeeded", wait=cadence.DELIVERY_SECONDS, result_url=first, cost=took)
        if not await store.move(connection, row, move):
            return None
        await pieces.keep(connection, row.id, brought)
        await progress.show(connection, row, model, "sending")
        await dispatch.begin(connection, row, model, brought)
    compare(row, model, found)
    means.vitals.ended(model.id, "success")
    emit(events.GenerationSucceeded(generation_id=row.id, model=model.id, modality=model.modality, seconds=row.age))
    return None


async def _later(
    means: Means, row: Generation, model: Model, wait: tuple[float, int], error: ResultUnavailable | None = None
) -> None:
    """Look again after so many seconds, with so many failures in a row; past the deadline nobody waits any more."""
    if row.is_overdue:
        detail = "deadline" if error is None else f"result {error}"
        is_fault = not isinstance(error, DiskTroubled)
        return await settlement.fail(means, row, model, "timeout", detail, is_fault=is_fault)
    async with means.database.transaction() as connection:
        await store.defer(connection, row, *wait)
        # Also while a look fails, or its result does not come: it has long left the queue.
        await progress.show(connection, row, model, "drawing")
    return None


def _retry(means: Means, row: Generation) -> tuple[float, int]:
    return cadence.retry_delay(row.steps + 1, means.luck()), row.steps + 1
