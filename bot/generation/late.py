"""What comes after the credits went back: looked for during a bounded time, given away, counted, never charged.

    released (timeout, unknown) ──▶ awaited ──task found done──▶ sent ──Telegram took it──▶ delivered
                                       └─ failed, too late, not to be had, not taken, lost ▶ ended

Invariants: the generation stays `released`, its hold resolved; nothing here calls the ledger. A task that nobody knows
is only found by the provider's callback, whose token is the generation's own.
"""

from __future__ import annotations

from typing import Final

from bot import numbers
from bot.catalogue import Model
from bot.generation import cadence, dispatch, pieces, store
from bot.generation.collection import collect, compare, cost
from bot.generation.means import Means
from bot.generation.results import ResultRefused, ResultUnavailable
from bot.generation.store import Generation, Late
from bot.ports import Connection
from bot.providers.base import Failed, ProviderError, Succeeded
from bot.sql import sql
from telemetry import emit, events

LATE_SECONDS: Final = 86_400.0
"""The provider's results are to be had for about a day; then nobody looks any more."""


def may_come(row: Generation, *, is_called_back: bool) -> bool:
    """Whether the provider may still bring what is given up now: it has the task, or may have it and would call."""
    if row.failure not in {"timeout", "unknown"}:
        return False
    return row.task_id is not None or (row.failure == "unknown" and is_called_back)


async def begin(connection: Connection, row: Generation) -> None:
    """Wait for what may still come; a task that nobody knows is due at the end only, unless a callback names it."""
    first = LATE_SECONDS if row.task_id is None else cadence.late_delay(0.0, 0.5)
    await connection.execute(sql("generation_late_await"), row.id, first, LATE_SECONDS)


async def look(means: Means, row: Generation, model: Model | None) -> None:
    """Ask once how the task stands, and give away what it brought; what was sent is left to the outbox, if it has it."""
    if row.late == "sent":
        return await _look_after(means, row)
    if model is None or row.is_too_late or row.task_id is None:
        return await _end(means, row)
    await means.term.trusted()
    try:
        found = await means.provider_of(model).poll(row.task_id)
        if isinstance(found, Succeeded):
            return await _give(means, row, model, found)
    except (ProviderError, ResultUnavailable):
        return await _later(means, row)
    except ResultRefused:
        return await _end(means, row)
    return await (_end if isinstance(found, Failed) else _later)(means, row)


async def _give(means: Means, row: Generation, model: Model, found: Succeeded) -> None:
    brought = await collect(means, row, found)
    took = cost(row, model, found)
    async with means.database.transaction() as connection:
        is_sent = await move(connection, row, "sent")
        if is_sent:
            first = next((piece.url for piece in brought if piece.url is not None), None)
            await connection.execute(sql("generation_late_cost"), row.id, took, first)
            await numbers.count_late(connection, row.id)
            await pieces.keep(connection, row.id, brought)
            await dispatch.begin(connection, row, model, brought, is_late=True)
    if not is_sent:
        return await means.results.forget(row.id)
    return compare(row, model, found)


async def _look_after(means: Means, row: Generation) -> None:
    async with means.database.transaction() as connection:
        is_on_its_way = await store.is_on_its_way(connection, row)
        if is_on_its_way:
            await connection.execute(sql("generation_late_defer"), row.id, cadence.DELIVERY_SECONDS)
    if not is_on_its_way:
        await _end(means, row)


async def _later(means: Means, row: Generation) -> None:
    async with means.database.transaction() as connection:
        seconds = cadence.late_delay(row.settled_age, means.luck())
        await connection.execute(sql("generation_late_defer"), row.id, seconds)


async def _end(means: Means, row: Generation) -> None:
    async with means.database.transaction() as connection:
        await move(connection, row, "ended")
    await means.results.forget(row.id)


async def move(connection: Connection, row: Generation, to: Late) -> bool:
    """Take a step; False when it was taken before. What was delivered is counted."""
    moved = await connection.fetchval(sql("generation_late_move"), row.id, row.late, to) is not None
    if moved and to in {"delivered", "ended"}:
        emit(events.GenerationLate(generation_id=row.id, model=row.model_id, outcome=_outcome(row, to)))
    return moved


def _outcome(row: Generation, to: Late) -> events.LateOutcome:
    if to == "delivered":
        return "delivered"
    return "undeliverable" if row.late == "sent" else "nothing"
