"""getUpdates: long polling with offsets that confirm, as Telegram's own server does it.

Not played: its brakes on who asks too often (409s three seconds apart, one update instead of a hundred).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import anyio

from bot.sandbox.errors import ApiError
from bot.sandbox.methods.webhooks import allowed_updates
from bot.sandbox.parameters import Parameters
from bot.sandbox.world import World

MAX_UPDATES: Final = 100
MAX_WAIT_SECONDS: Final = 50
WEBHOOK_ACTIVE: Final = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


async def get_updates(world: World, bot_id: int, parameters: Parameters) -> list[dict[str, Any]]:
    """Confirm everything below `offset`, then return what is pending, waiting up to `timeout` for the first."""
    if world.chats.bot(bot_id).webhook_url:
        raise ApiError(409, WEBHOOK_ACTIVE)
    limit = min(max(parameters.integer("limit", MAX_UPDATES) or 0, 1), MAX_UPDATES)
    seconds = min(max(parameters.integer("timeout", 0) or 0, 0), MAX_WAIT_SECONDS)
    await _remember(world, bot_id, parameters)
    offset = parameters.integer("offset", 0) or 0
    await world.mailbox.confirm(bot_id, offset, world.chats.bot(bot_id).next_update)
    if (found := _pending(world, bot_id, limit)) or not seconds:
        return found
    with world.polls.begin(bot_id) as poll:
        with anyio.move_on_after(seconds):
            while not (found := _pending(world, bot_id, limit)) and not poll.closed:
                await poll.wait()
                poll.check()
        poll.check()
        return found


async def _remember(world: World, bot_id: int, parameters: Parameters) -> None:
    bot = world.chats.bot(bot_id)
    allowed = allowed_updates(parameters, bot)
    if allowed != bot.allowed_updates or world.chats.desk.bot_id != bot_id:
        async with world.book.writing():
            world.chats.choose(bot_id)
            world.book.put(replace(world.chats.bot(bot_id), allowed_updates=allowed))


def _pending(world: World, bot_id: int, limit: int) -> list[dict[str, Any]]:
    if world.faults.get("telegram_pause"):
        return []
    return [update.body for update in world.mailbox.first(bot_id, limit)]
