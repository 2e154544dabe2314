"""What the outbox asks about a generation: the files of its rows, and what follows once one of them has ended.

succeeded ── its last parcel taken ──▶ delivered
    └─ a parcel refused, as files too, and no link can stand for it ──▶ failed
late: sent ──▶ delivered | ended, beside a generation that stays released

Rows are read without what was asked for: one that cannot be read must not stop the outbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from bot.calls import Attachment, Content
from bot.delivery import Failed, Outcome, Outgoing, Sent
from bot.generation import dispatch, late, pieces, store
from bot.generation.parcels import Piece
from bot.generation.results import ResultRefused, Results
from bot.generation.store import Generation, Move
from bot.ports import Connection, Database
from telemetry import emit, events


@dataclass(frozen=True, slots=True)
class Delivery:
    """The `media` and `settled` of the outbox."""

    database: Database
    results: Results

    async def media(self, generation_id: int) -> Content | None:
        """Return the files of a generation's results: as Telegram has them, or on our disk, fetched again if need be.

        None when one is not to be had any more. Raises ResultUnavailable when it may be had later.
        """
        async with self.database.reading() as connection:
            row = await store.bare(connection, generation_id)
            brought = await pieces.of(connection, generation_id)
        is_ours = row is not None and _is_under_way(row)
        try:
            found = [await self._attached(generation_id, piece, is_ours=is_ours) for piece in brought if piece.is_file]
        except ResultRefused:
            return None
        files = tuple(each for each in found if each is not None)
        return files if files and len(files) == len(found) else None

    async def _attached(self, generation_id: int, piece: Piece, *, is_ours: bool) -> Attachment | None:
        name = f"{generation_id}-{piece.place + 1}.{piece.kind}"
        if piece.file_id is not None:
            return Attachment(piece.place, piece.file_id, name)
        if piece.content is not None:
            return Attachment(piece.place, piece.content.encode(), name)
        path = self.results.path(generation_id, piece.place)
        if not await anyio.Path(path).exists():
            if not is_ours or piece.url is None:
                return None
            if (await self.results.fetch(generation_id, piece.place, piece.url)).size is None:
                return None
        return Attachment(piece.place, path, name)

    async def settled(self, connection: Connection, row: Outgoing, outcome: Outcome) -> None:
        """Take the step that follows in the outbox's transaction: the next parcel, delivered, or failed."""
        # Without the mark: the picture of an older version.
        if row.generation_id is None or not row.params.get("delivers", row.method == "sendPhoto"):
            return
        generation = await store.bare(connection, row.generation_id)
        if generation is None or not _is_under_way(generation):
            return
        brought = await pieces.of(connection, generation.id)
        places = row.params.get("places", [0])
        if isinstance(outcome, Sent):
            ways = row.params.get("ways", ["photo"])
            await pieces.sent(connection, generation.id, places, ways, outcome.file_ids)
            if await dispatch.go_on(connection, generation, brought, max(places)):
                return
            await _arrived(connection, generation)
        elif await _otherwise(connection, generation, brought, row, outcome):
            return
        else:
            await _lost(connection, generation, outcome)
        if generation.state == "released":
            # Nobody settles it any more. Should this not be committed, the files are fetched again.
            await self.results.forget(generation.id)


async def _otherwise(
    connection: Connection, generation: Generation, brought: Sequence[Piece], row: Outgoing, outcome: Failed
) -> bool:
    """Queue what was refused in another form: what is too large as links, the rest as files; False when there is none."""
    if outcome.too_large and await dispatch.as_links(connection, generation, brought, row.params):
        return True
    return outcome.refused and await dispatch.as_files(connection, generation, brought, row.params)


def _is_under_way(generation: Generation) -> bool:
    return generation.state == "succeeded" or (generation.state == "released" and generation.late == "sent")


async def _arrived(connection: Connection, generation: Generation) -> None:
    if generation.state == "released":
        await late.move(connection, generation, "delivered")
    elif await store.move(connection, generation, Move("delivered")):
        emit(events.GenerationDelivered(generation_id=generation.id, model=generation.model_id))


async def _lost(connection: Connection, generation: Generation, outcome: Failed) -> None:
    if generation.state == "released":
        await late.move(connection, generation, "ended")
        return
    detail = f"telegram {outcome.reason}"
    if await store.move(connection, generation, Move("failed", failure="undeliverable", detail=detail)):
        emit(
            events.GenerationUndeliverable(
                generation_id=generation.id, model=generation.model_id, reason=outcome.reason
            )
        )
