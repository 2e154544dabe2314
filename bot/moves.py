"""Groups that became supergroups: their new ids, and what was queued for the old ones.

Telegram tells it twice: by a service message in either chat, and as the answer to a call for the old id. Both end
here. One look tells where a chat is now, because what is noted is always the end of the chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bot.ports import Connection
from bot.sql import sql
from telemetry import emit, events

GROUP: Final = "chat:-"


async def move(connection: Connection, old: int, new: int, lane: str | None = None) -> int | None:
    """Note that chat `old` is now `new`, give it what waits in `lane`, and return the id it has by now.

    Returns None, and changes nothing, when that would lead in a circle.
    """
    known = await connection.fetchval(sql("chat_moved_find"), old)
    final: int = await connection.fetchval(sql("chat_moved_find"), new) or new
    if final == old:
        return None
    if known != final:
        await connection.execute(sql("chat_moved_note"), old, final)
        emit(events.ChatMoved())
    await connection.execute(sql("outbox_move"), lane or f"chat:{old}", final)
    return final


async def followed(connection: Connection, lanes: Iterable[str]) -> list[str]:
    """Return the lanes that have what was queued in these: of those whose chats have moved."""
    # Only groups move, and theirs are the negative ids.
    groups = [
        int(lane[len(GROUP) - 1 :]) for lane in lanes if lane.startswith(GROUP) and lane[len(GROUP) :].isdecimal()
    ]
    found = await connection.fetch(sql("chat_moved_among"), groups) if groups else []
    return [f"chat:{row['new_id']}" for row in found]
