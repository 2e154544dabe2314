"""answerCallbackQuery and answerPreCheckoutQuery."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.sandbox.errors import bad_request
from bot.sandbox.parameters import Parameters
from bot.sandbox.records import Checkout, Query
from bot.sandbox.world import World

LIFETIME_SECONDS: Final = 60.0
"""How long a pressed button waits for its answer."""
CHECKOUT_SECONDS: Final = 10.0
"""And somebody who is about to pay."""
MAX_ANSWER: Final = 200
TOO_OLD: Final = "query is too old and response timeout expired or query ID is invalid"


async def answer_callback_query(world: World, bot_id: int, parameters: Parameters) -> bool:
    """Answer a pressed button: nothing, a toast, or an alert."""
    text = parameters.text("text")
    if len(text) > MAX_ANSWER:
        raise bad_request("MESSAGE_TOO_LONG")
    async with world.book.writing():
        query = world.book.get(Query, parameters.text("callback_query_id"))
        if query is None or query.bot_id != bot_id or world.clock() - query.date > LIFETIME_SECONDS:
            raise bad_request(TOO_OLD)
        if not query.answered:
            alert = parameters.flag("show_alert")
            revision = world.book.next_revision()
            world.book.put(replace(query, answered=True, text=text, alert=alert, revision=revision))
    return True


async def answer_pre_checkout_query(world: World, bot_id: int, parameters: Parameters) -> bool:
    """Let a payment happen, or not."""
    ok, error = parameters.flag("ok"), parameters.text("error_message")
    if not ok and not error:
        raise bad_request('parameter "error_message" is required')
    async with world.book.writing():
        asked = world.book.get(Checkout, parameters.text("pre_checkout_query_id"))
        is_late = asked is None or world.clock() - asked.date > CHECKOUT_SECONDS
        if asked is None or asked.bot_id != bot_id or asked.ok is not None or is_late:
            raise bad_request(TOO_OLD)
        world.book.put(replace(asked, ok=ok, error="" if ok else error))
    return True
