"""The end of a generation: delivered → charged, failed → released; the money, the state and the words in one transaction.

A generation that costs nothing has no hold and goes the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot import accounts, numbers
from bot.catalogue import Model
from bot.generation import cadence, late, progress, store
from bot.generation.means import Means
from bot.generation.store import Generation, Move
from bot.ledger import format_credits
from bot.numbers import FailedOutcome
from bot.ports import Connection
from bot.providers.base import Failure
from telemetry import emit, events

OUTCOMES: Final[Mapping[Failure, FailedOutcome]] = {
    "user": "bad_input",
    "moderation": "moderation",
    "ours": "provider_error",
    "transient": "provider_error",
    "timeout": "timeout",
    "unknown": "timeout",
    "undeliverable": "cancelled",
}
"""How a failure counts among a model's generations."""


async def fail(
    means: Means, row: Generation, model: Model | None, failure: Failure, detail: str, *, is_fault: bool = True
) -> None:
    """Note that there will be no result; what was held is given back next. What is no fault no breaker hears of."""
    moved = False

    async def write(connection: Connection) -> None:
        nonlocal moved
        moved = await store.move(connection, row, Move("failed", failure=failure, detail=detail))

    await means.insist(write)
    if moved:
        if is_fault:
            means.vitals.ended(row.model_id, OUTCOMES[failure], detail.partition(" ")[0])
        emit(
            events.GenerationFailed(
                generation_id=row.id,
                model=row.model_id,
                modality=model.modality if model else "other",
                outcome=OUTCOMES[failure],
                reason=failure,
                code=detail.partition(" ")[0],
            )
        )


async def look_after(means: Means, row: Generation, model: Model | None) -> None:
    """Leave a result to the outbox, which says how it ended; one that it does not have is given up."""
    async with means.database.transaction() as connection:
        is_on_its_way = await store.is_on_its_way(connection, row)
        if is_on_its_way:
            await store.defer(connection, row, cadence.DELIVERY_SECONDS, 0)
    if not is_on_its_way:
        await fail(means, row, model, "ours", "lost")


async def charge(means: Means, row: Generation, model: Model | None) -> None:
    """Turn the hold of what was delivered into a charge."""
    async with means.database.transaction() as connection:
        if not await store.move(connection, row, Move("charged", wait=None)):
            return
        if row.hold_id is not None:
            # After another model took over for less, this is a part of what is held.
            await accounts.charge(connection, row.hold_id, row.id, row.price)
        await numbers.count(connection, row.id, "success")
        await progress.end(connection, row, model, "done", await accounts.balance(connection, row.user_id))
    emit(events.GenerationCharged(generation_id=row.id, model=row.model_id, credits=format_credits(row.price)))
    await means.results.forget(row.id)


async def release(means: Means, row: Generation, model: Model | None) -> None:
    """Give back the hold of what failed, and say so; what may still come is waited for, as a gift."""
    async with means.database.transaction() as connection:
        if not await store.move(connection, row, Move("released", wait=None)):
            return
        if row.hold_id is not None:
            await accounts.release(connection, row.hold_id, row.id)
        await numbers.count(connection, row.id, OUTCOMES[row.failure or "transient"])
        await progress.end(connection, row, model, "failed", await accounts.balance(connection, row.user_id))
        if late.may_come(row, is_called_back=means.callback_url(row.callback_token) is not None):
            await late.begin(connection, row)
    emit(events.GenerationReleased(generation_id=row.id, model=row.model_id, reason=row.failure or "transient"))
    await means.results.forget(row.id)
