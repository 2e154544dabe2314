"""answerCallbackQuery."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.sandbox.errors import bad_request
from bot.sandbox.parameters import Parameters
from bot.sandbox.records import Query
from bot.sandbox.world import World

LIFETIME_SECONDS: Final = 60.0
"""How long a pressed button waits for its answer."""
MAX_ANSWER: Final = 200


async def answer_callback_query(world: World, bot_id: int, parameters: Parameters) -> bool:
    """Answer a pressed button: nothing, a toast, or an alert."""
    text = parameters.text("text")
    if len(text) > MAX_ANSWER:
        raise bad_request("MESSAGE_TOO_LONG")
    async with world.book.writing():
        query = world.book.get(Query, parameters.text("callback_query_id"))
        if query is None or query.bot_id != bot_id or world.clock() - query.date > LIFETIME_SECONDS:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        if not query.answered:
            alert = parameters.flag("show_alert")
            revision = world.book.next_revision()
            world.book.put(replace(query, answered=True, text=text, alert=alert, revision=revision))
    return True
