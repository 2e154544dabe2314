"""What a task brought and took: all of it or nothing, every file on our disk or known to be too large for Telegram."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import anyio

from bot import pricing
from bot.catalogue import Model
from bot.generation.means import Means
from bot.generation.parcels import Piece
from bot.generation.results import ResultRefused, ResultUnavailable
from bot.generation.store import Generation
from bot.ledger import MILLI
from bot.providers.base import Succeeded
from telemetry import emit, events

MOST_PIECES: Final = 20
"""No model makes more; a list that goes on for ever is no result."""

LOOK_SECONDS: Final = 180.0
"""For all results of one look together; what has come until then is there for the next one."""

GENERATION_BYTES: Final = 200_000_000
"""What one generation takes of our disk; what is beyond goes as a link."""


async def collect(means: Means, row: Generation, found: Succeeded) -> list[Piece]:
    """Return the results; raise ResultRefused or ResultUnavailable when one of them is not to be had."""
    pieces: list[Piece] = []
    with anyio.move_on_after(LOOK_SECONDS) as limit:
        for place, url in enumerate(found.urls[:MOST_PIECES]):
            await means.term.trusted()
            room = GENERATION_BYTES - sum(piece.bytes for piece in pieces)
            fetched = await means.results.fetch(row.id, place, url, room)
            pieces.append(Piece(place, fetched.kind, fetched.size, url))
    if limit.cancelled_caught:
        raise ResultUnavailable("fetching a result: not all of them in time")
    if found.text is not None and found.text.strip():
        pieces.append(Piece(len(pieces), "txt", content=found.text))
    if not pieces:
        raise ResultRefused("fetching a result: there is none")
    return pieces


def cost(row: Generation, model: Model, found: Succeeded) -> int:
    """Return what a task cost the operator, in micro-dollars: as told, else as the catalogue says, else as quoted."""
    return pricing.cost(_told(row, model) if found.credits is None else found.credits)


def compare(row: Generation, model: Model, found: Succeeded) -> None:
    """Tell the operator when a task took more than the user was quoted; of a free one, than the catalogue says."""
    quoted = Decimal(row.price) / MILLI if row.price else _told(row, model)
    if found.credits is not None and found.credits > quoted:
        emit(
            events.GenerationUnderpriced(
                generation_id=row.id, model=row.model_id, quoted=f"{quoted:f}", credits=f"{found.credits:f}"
            )
        )


def _told(row: Generation, model: Model) -> Decimal:
    """Return what the catalogue says that a task takes, in credits."""
    try:
        return pricing.provider_credits(model, row.inputs)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # The price rule has changed since these inputs were checked.
        emit(events.GenerationUnpriced(generation_id=row.id, model=row.model_id, error=error))
        return Decimal(row.price) / MILLI
