"""Results on their way into the chat: one parcel after the other, each an outbox row that says what it brings.

first parcel ──taken──▶ the next one … ──▶ the last one taken: delivered
     ├─ refused as what it is ──▶ once more as files ──▶ refused: undeliverable
     └─ too large for a call ──▶ as links
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot import afterwards, texts
from bot.catalogue import Model
from bot.effects import markup
from bot.generation import pieces, progress
from bot.generation.means import effects
from bot.generation.parcels import Parcel, Piece, following, parcels
from bot.generation.store import Generation
from bot.ports import Connection


async def begin(
    connection: Connection, row: Generation, model: Model, brought: Sequence[Piece], *, is_late: bool = False
) -> None:
    """Queue the first parcel, under which stands what was made; the others follow it."""
    caption = progress.caption(row, model, is_late=is_late)
    await _queue(connection, row, parcels(brought)[0], brought, caption=caption, delivers=True)


async def go_on(connection: Connection, row: Generation, brought: Sequence[Piece], place: int) -> bool:
    """Queue what comes after the parcel that ends with this place; False when that was the last one."""
    parcel = following(brought, place)
    if parcel is not None:
        await _queue(connection, row, parcel, brought, delivers=True)
    return parcel is not None


async def as_files(connection: Connection, row: Generation, brought: Sequence[Piece], params: Any) -> bool:
    """Queue the same parcel once more, as files; False when it was sent as files already, or holds none."""
    if params.get("as_files") or not params.get("ways"):
        return False
    # One parcel again: it is neither more nor larger than before, and files go together with files.
    (parcel,) = parcels([piece for piece in brought if piece.place in params["places"]], as_files=True)
    await _queue(connection, row, parcel, brought, caption=params["caption"], delivers=True, as_files=True)
    return True


async def as_links(connection: Connection, row: Generation, brought: Sequence[Piece], params: Any) -> bool:
    """Queue the same parcel as links, and keep that its files are none; False when one has no address of its own."""
    places = params["places"] if params.get("ways") else []
    found = [replace(piece, size=None) for piece in brought if piece.place in places]
    if not found or any(piece.url is None for piece in found):
        return False
    await pieces.linked(connection, row.id, places)
    now = [each for each in brought if each.place not in places] + found
    now.sort(key=lambda piece: piece.place)
    await _queue(connection, row, parcels(found)[0], now, caption=params["caption"], delivers=True)
    return True


async def again(connection: Connection, row: Generation, model: Model, brought: Sequence[Piece]) -> None:
    """Queue results that were delivered before, all at once: by Telegram's ids of them, for nothing."""
    for number, parcel in enumerate(parcels(brought)):
        caption = progress.caption(row, model) if number == 0 else ""
        await _queue(connection, row, parcel, brought, caption=caption)


async def _queue(
    connection: Connection,
    row: Generation,
    parcel: Parcel,
    brought: Sequence[Piece],
    *,
    caption: str = "",
    **marks: bool,
) -> None:
    params: dict[str, Any] = {"places": list(parcel.places), **marks}
    if parcel.method == "sendMessage":
        said = [_said(row, piece) for piece in brought if piece.place in parcel.places]
        params["text"] = "\n\n".join([part for part in (caption, *said) if part])
    else:
        params |= {"ways": list(parcel.ways), "caption": caption}
    # Telegram takes no buttons under an album: they are under the message that says it is done.
    if parcel.method != "sendMediaGroup" and following(brought, max(parcel.places)) is None:
        params["reply_markup"] = markup(afterwards.keyboard(texts.of(row.language), row.user_id, row.id, row.model_id))
    await effects(connection).send_result(row.chat_id, row.id, parcel.method, params)


def _said(row: Generation, piece: Piece) -> str:
    """Return a text as it is, or where to have a file that is too large to be sent."""
    if piece.content is not None:
        return texts.fill("{text}", text=piece.content)
    # Telegram makes a link of a bare address; as text it can break no markup.
    return texts.fill(texts.of(row.language).generation.link, links=piece.url or "")
