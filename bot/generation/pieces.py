"""The rows of results: kept when a generation succeeds, and again when Telegram has them under ids of its own."""

from __future__ import annotations

from collections.abc import Sequence

from bot.generation.parcels import Piece
from bot.ports import Connection
from bot.sql import sql


async def keep(connection: Connection, generation_id: int, pieces: Sequence[Piece]) -> None:
    """Keep what a generation brought."""
    columns = zip(*((piece.kind, piece.size, piece.url, piece.content) for piece in pieces), strict=True)
    await connection.execute(sql("generation_result_keep"), generation_id, *(list(column) for column in columns))


async def of(connection: Connection, generation_id: int) -> list[Piece]:
    """Return what a generation brought, in order."""
    return [Piece(**dict(row)) for row in await connection.fetch(sql("generation_results"), generation_id)]


async def linked(connection: Connection, generation_id: int, places: Sequence[int]) -> None:
    """Keep that these results are no files for Telegram: their addresses are what is sent."""
    await connection.execute(sql("generation_result_linked"), generation_id, list(places))


async def sent(
    connection: Connection, generation_id: int, places: Sequence[int], ways: Sequence[str], file_ids: Sequence[str]
) -> None:
    """Keep Telegram's ids, by which the results can be sent again; an answer that could not be read has none."""
    if len(file_ids) == len(places) == len(ways):
        sent_ = list(places), list(file_ids), list(ways)
        await connection.execute(sql("generation_result_sent"), generation_id, *sent_)
