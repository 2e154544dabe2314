"""submitted → succeeded | failed: looks at the task, fetches the result, queues the picture in the same transaction."""

from __future__ import annotations

from typing import Final

from bot import pricing
from bot.catalogue import Model
from bot.generation import cadence, progress, settlement, store
from bot.generation.means import Means, effects
from bot.generation.results import ResultRefused, ResultUnavailable
from bot.generation.store import Generation, Move
from bot.providers.base import Failed, Pending, ProviderError, Succeeded
from telemetry import emit, events

FETCH_TRIES: Final = 6
"""A result that cannot be fetched so often in a row is not there."""


async def look(means: Means, row: Generation, model: Model) -> None:
    """Ask the provider once how the task stands, and go on accordingly."""
    await means.term.trusted()
    try:
        found = await means.provider_of(model).poll(row.task_id or "")
    except ProviderError as error:
        emit(events.ProviderTroubled(provider=model.family, operation=error.operation, code=error.code, model=model.id))
        return await _later(means, row, model, cadence.retry_delay(row.steps + 1, means.luck()), row.steps + 1)
    match found:
        case Pending():
            return await _later(means, row, model, cadence.poll_delay(row.age, means.luck()), 0)
        case Failed(failure, code, detail):
            return await settlement.fail(means, row, model, failure, f"{code} {detail}".strip())
        case Succeeded():
            return await _succeed(means, row, model, found)


async def _succeed(means: Means, row: Generation, model: Model, found: Succeeded) -> None:
    url = found.urls[0]
    await means.term.trusted()
    try:
        await means.results.fetch(row.id, url)
    except ResultRefused as error:
        return await settlement.fail(means, row, model, "transient", f"result {error}")
    except ResultUnavailable as error:
        if row.steps + 1 >= FETCH_TRIES:
            return await settlement.fail(means, row, model, "transient", f"result {error}")
        return await _later(means, row, model, cadence.retry_delay(row.steps + 1, means.luck()), row.steps + 1)
    took = found.credits if found.credits is not None else pricing.provider_credits(model, row.inputs)
    async with means.database.transaction() as connection:
        # From here on the outbox has the word: it delivers, or says that it cannot.
        if not await store.move(connection, row, Move("succeeded", wait=None, result_url=url, cost=pricing.cost(took))):
            return None
        await progress.show(connection, row, model, "sending")
        await effects(connection).send_photo(row.chat_id, row.id, progress.caption(row, model))
    emit(events.GenerationSucceeded(generation_id=row.id, model=model.id, modality=model.modality, seconds=row.age))
    return None


async def _later(means: Means, row: Generation, model: Model, seconds: float, failures: int) -> None:
    if row.is_overdue:
        return await settlement.fail(means, row, model, "timeout", "deadline")
    async with means.database.transaction() as connection:
        await store.defer(connection, row, seconds, failures)
        if not failures:
            await progress.show(connection, row, model, "drawing")
    return None
