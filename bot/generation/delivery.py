"""What the outbox asks about a generation: its file, and what follows once its message has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import anyio

from bot.delivery import Failed, Outcome, Outgoing
from bot.generation import store
from bot.generation.results import ResultRefused, Results
from bot.generation.store import Move
from bot.ports import Connection, Database
from bot.sql import sql
from telemetry import emit, events

MEDIA: Final = frozenset({"sendPhoto"})
"""The calls that deliver; other messages about a generation only speak of it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The `media` and `settled` of the outbox."""

    database: Database
    results: Results

    async def media(self, generation_id: int) -> bytes | None:
        """Return the result, fetched again when its file is missing here; None when it is not to be had.

        Raises ResultUnavailable when it may be had later.
        """
        path = self.results.path(generation_id)
        if not await anyio.Path(path).exists():
            async with self.database.reading() as connection:
                url = await connection.fetchval(sql("generation_result"), generation_id)
            if url is None:
                return None
            try:
                path = await self.results.fetch(generation_id, url)
            except ResultRefused:
                return None
        return await anyio.Path(path).read_bytes()

    async def settled(self, connection: Connection, row: Outgoing, outcome: Outcome) -> None:
        """Take the step that follows in the outbox's transaction: delivered, or failed and to be released."""
        if row.generation_id is None or row.method not in MEDIA:
            return
        generation = await store.get(connection, row.generation_id)
        if generation is None or generation.state != "succeeded":
            return
        if isinstance(outcome, Failed):
            detail = f"telegram {outcome.reason}"
            if await store.move(connection, generation, Move("failed", failure="undeliverable", detail=detail)):
                emit(
                    events.GenerationUndeliverable(
                        generation_id=generation.id, model=generation.model_id, reason=outcome.reason
                    )
                )
        elif await store.move(connection, generation, Move("delivered")):
            emit(events.GenerationDelivered(generation_id=generation.id, model=generation.model_id))
