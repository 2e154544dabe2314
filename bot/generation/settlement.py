"""The end of a generation: delivered → charged, failed → released; the money, the state and the words in one transaction.

A generation that costs nothing has no hold and goes the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from bot import accounts
from bot.catalogue import Model
from bot.generation import progress, store
from bot.generation.means import Means
from bot.generation.store import Generation, Move
from bot.ledger import format_credits
from bot.ports import Connection
from bot.providers.base import Failure
from telemetry import emit, events

Outcome = Literal["provider_error", "timeout", "moderation", "bad_input", "cancelled"]

OUTCOMES: Final[Mapping[Failure, Outcome]] = {
    "user": "bad_input",
    "moderation": "moderation",
    "ours": "provider_error",
    "transient": "provider_error",
    "timeout": "timeout",
    "unknown": "timeout",
    "undeliverable": "cancelled",
}
"""How a failure counts among a model's generations."""


async def fail(means: Means, row: Generation, model: Model | None, failure: Failure, detail: str) -> None:
    """Note that there will be no result; what was held is given back next."""
    moved = False

    async def write(connection: Connection) -> None:
        nonlocal moved
        moved = await store.move(connection, row, Move("failed", failure=failure, detail=detail))

    await means.insist(write)
    if moved:
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


async def charge(means: Means, row: Generation) -> None:
    """Turn the hold of what was delivered into a charge."""
    async with means.database.transaction() as connection:
        if not await store.move(connection, row, Move("charged", wait=None)):
            return
        if row.hold_id is not None:
            await accounts.charge(connection, row.hold_id, row.id)
        await progress.end(connection, row, "done", await accounts.balance(connection, row.user_id))
    emit(events.GenerationCharged(generation_id=row.id, model=row.model_id, credits=format_credits(row.price)))
    await means.results.forget(row.id)


async def release(means: Means, row: Generation) -> None:
    """Give back the hold of what failed, and say so."""
    async with means.database.transaction() as connection:
        if not await store.move(connection, row, Move("released", wait=None)):
            return
        if row.hold_id is not None:
            await accounts.release(connection, row.hold_id, row.id)
        await progress.end(connection, row, "failed", await accounts.balance(connection, row.user_id))
    emit(events.GenerationReleased(generation_id=row.id, model=row.model_id, reason=row.failure or "transient"))
    await means.results.forget(row.id)
