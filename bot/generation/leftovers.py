"""Results that nobody needs any more: an end whose commit was not answered, or that was refused, leaves them behind."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import anyio

from bot.generation.means import Means
from bot.sql import sql
from telemetry import emit, events

EVERY_SECONDS: Final = 3_600.0


async def clear(means: Means, busy: Collection[int]) -> None:
    """Remove what was left every hour; woken by time only, stopped by being cancelled. `busy` have a step under way."""
    troubles: tuple[type[Exception], ...] = (OSError, *means.database.lost)
    while True:
        await anyio.sleep(EVERY_SECONDS)
        try:
            await _clear(means, busy)
        except troubles as error:
            emit(events.GenerationLeftoversKept(error=error, retry_seconds=EVERY_SECONDS))


async def _clear(means: Means, busy: Collection[int]) -> None:
    # In this order: what begins meanwhile is not among these, and what a step ends meanwhile is told by its row.
    left = await means.results.held() - set(busy)
    if not left:
        return
    async with means.database.reading() as connection:
        needed = {row["id"] for row in await connection.fetch(sql("generation_open"))}
    for generation_id in left - needed:
        await means.results.forget(generation_id)
