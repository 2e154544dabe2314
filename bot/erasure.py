"""A user's content is forgotten on request: what was asked for, what was made, and every copy of it that is kept here.

    asked ──something is under way──▶ not yet
      └────▶ prompts, inputs, results, file ids, dialogs: at once
             messages and arrivals in the queues: emptied by the retention's walk, within minutes

Invariants: the ledger and the rows that it refers to stay, without any content; asked for again, it does the same.
"""

from __future__ import annotations

from bot.ports import Connection
from bot.sql import sql
from telemetry import emit, events


async def erase(connection: Connection, user_id: int) -> bool:
    """Forget the user's content; False, and nothing done, while something of the user's is being made."""
    if await connection.fetchval(sql("erasure_hinder"), user_id) is not None:
        return False
    for step in ("late", "results", "generations", "dialogs", "begin"):
        await connection.execute(sql(f"erasure_{step}"), user_id)
    emit(events.ContentErased())
    return True
