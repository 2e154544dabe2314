"""setWebhook and its kin."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.sandbox.errors import bad_request
from bot.sandbox.loopback import is_loopback_url
from bot.sandbox.parameters import Parameters
from bot.sandbox.polls import WEBHOOK_SET
from bot.sandbox.records import Bot
from bot.sandbox.world import World

_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
MAX_CONNECTIONS: Final = 100


@dataclass(frozen=True, slots=True)
class Described:
    """A result with Telegram's remark on it."""

    result: object
    description: str


async def set_webhook(world: World, bot_id: int, parameters: Parameters) -> Described:
    """Deliver updates to this URL from now on; an empty one removes the webhook."""
    url, secret = parameters.text("url").strip(), parameters.text("secret_token")
    if not url:
        return await delete_webhook(world, bot_id, parameters)
    if not is_loopback_url(url):
        raise bad_request("bad webhook: the sandbox delivers to http(s) addresses of this machine only")
    if secret and not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    connections = parameters.integer("max_connections", 40) or 40
    if not 1 <= connections <= MAX_CONNECTIONS:
        raise bad_request("max_connections must be between 1 and 100")
    async with world.book.writing():
        world.chats.choose(bot_id)
        before = world.chats.bot(bot_id)
        after = replace(
            before,
            webhook_url=url,
            webhook_secret=secret,
            max_connections=connections,
            allowed_updates=allowed_updates(parameters, before),
            error_date=None,
            error_message=None,
        )
        world.book.put(after)
    world.polls.end(bot_id, WEBHOOK_SET)
    if parameters.flag("drop_pending_updates"):
        await world.mailbox.clear(bot_id)
    unchanged = replace(before, error_date=None, error_message=None) == after
    return Described(True, "Webhook is already set" if unchanged else "Webhook was set")


async def delete_webhook(world: World, bot_id: int, parameters: Parameters) -> Described:
    """Deliver updates no more; they wait for getUpdates."""
    async with world.book.writing():
        bot = world.chats.bot(bot_id)
        world.book.put(replace(bot, webhook_url="", webhook_secret="", error_date=None, error_message=None))
    if parameters.flag("drop_pending_updates"):
        await world.mailbox.clear(bot_id)
    return Described(True, "Webhook was deleted" if bot.webhook_url else "Webhook is already deleted")


async def get_webhook_info(world: World, bot_id: int, _: Parameters) -> dict[str, Any]:
    """Return where updates go, and how well that works."""
    bot = world.chats.bot(bot_id)
    info: dict[str, Any] = {
        "url": bot.webhook_url,
        "has_custom_certificate": False,
        "pending_update_count": world.mailbox.count(bot_id),
    }
    if bot.webhook_url:
        info |= {"max_connections": bot.max_connections, "ip_address": "127.0.0.1"}
    if bot.error_date:
        info |= {"last_error_date": bot.error_date, "last_error_message": bot.error_message}
    return info | ({"allowed_updates": bot.allowed_updates} if bot.allowed_updates else {})


def allowed_updates(parameters: Parameters, bot: Bot) -> list[str] | None:
    """Return the kinds of updates the bot wants: what it was when omitted, all but the rare ones when empty."""
    if "allowed_updates" not in parameters:
        return bot.allowed_updates
    given = parameters.json("allowed_updates")
    if not isinstance(given, list) or not all(isinstance(kind, str) for kind in given):
        raise bad_request("can't parse allowed_updates: expected an Array of String")
    return given or None
