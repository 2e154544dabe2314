"""What people do in the sandbox: write, press buttons, and are about to pay."""

from __future__ import annotations

import secrets
from typing import Any, Final

from bot.sandbox.chats import bot_json, user_json
from bot.sandbox.entities import find_entities
from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.keyboard import find_button, labels
from bot.sandbox.methods.content import MAX_TEXT
from bot.sandbox.records import Checkout, Message, Query
from bot.sandbox.world import World

KEPT_QUERIES: Final = 1000
CHECKOUTS: Final = 4 << 33
"""Telegram delivers these apart from what happens in the person's chat."""


async def write(world: World, chat_id: int, text: str, *, name: str = "", language: str = "") -> Message:
    """Let a person write to the bot; a person nobody knows yet is made."""
    text = text.strip()
    if not text:
        raise bad_request("the text is empty")
    if len(text) > MAX_TEXT:
        raise bad_request(f"the text is longer than {MAX_TEXT} characters")
    if chat_id <= 0:
        raise bad_request("the sandbox has private chats only: their ids are positive")
    async with world.book.writing():
        bot_id = world.chats.desk.bot_id
        user = world.chats.person(chat_id, name, language)
        found = find_entities(text)
        content: dict[str, Any] = {"text": text} | ({"entities": found} if found else {})
        message = world.chats.post(bot_id, user.id, content, is_from_bot=False)
        world.chats.queue(bot_id, message, "message", message.body)
    return message


async def press(world: World, chat_id: int, label: str, message_id: int | None = None) -> Query:
    """Let a person press a button: of this message, or of the newest message that has it."""
    async with world.book.writing():
        bot_id = world.chats.desk.bot_id
        history = world.chats.history(bot_id, chat_id)
        newest = [message for message in reversed(history.values()) if not message.deleted]
        offered = [m for m in newest if message_id in (None, m.message_id)]
        found = find_button([(m.message_id, m.body.get("reply_markup")) for m in offered], label)
        if found is None:
            known = list(dict.fromkeys(text for m in offered for text in labels(m.body.get("reply_markup"))))[:12]
            there = f"There are: {', '.join(known)}" if known else "There are no buttons"
            raise ApiError(404, f"Chat {chat_id} has no button “{label}”. {there}.")
        message, button = history[found[0]], found[1]
        if "callback_data" not in button:
            raise bad_request(f"“{button['text']}” opens something outside the chat; the bot hears nothing of it")
        return _query(world, bot_id, message, button["callback_data"])


async def check_out(world: World, chat_id: int, payload: str, currency: str, amount: int) -> Checkout:
    """Let a person be about to pay an invoice of the bot's with this payload."""
    async with world.book.writing():
        bot_id, user = world.chats.desk.bot_id, world.chats.person(chat_id)
        asked = Checkout(
            id=str(secrets.randbits(62)),
            bot_id=bot_id,
            chat_id=chat_id,
            payload=payload,
            currency=currency,
            amount=amount,
            date=world.clock(),
        )
        body = {
            "id": asked.id,
            "from": user_json(user),
            "currency": currency,
            "total_amount": amount,
            "invoice_payload": payload,
        }
        _forget_old(world, Checkout)
        world.book.put(asked)
        world.chats.push(bot_id, CHECKOUTS + chat_id, "pre_checkout_query", body)
    return asked


def _forget_old(world: World, kind: type[Checkout | Query]) -> None:
    kept = world.book.table(kind)
    for old in list(kept.values())[: max(0, len(kept) - KEPT_QUERIES)]:
        world.book.drop(old)


def _query(world: World, bot_id: int, message: Message, data: str) -> Query:
    query = Query(
        id=str(secrets.randbits(62)),
        bot_id=bot_id,
        chat_id=message.chat_id,
        message_id=message.message_id,
        date=world.clock(),
        revision=world.book.next_revision(),
    )
    body = {
        "id": query.id,
        "from": user_json(world.chats.person(message.chat_id)),
        "message": message.body,
        "chat_instance": str(bot_json(bot_id)["id"] * 31 + message.chat_id),
        "data": data,
    }
    _forget_old(world, Query)
    world.book.put(query)
    world.chats.queue(bot_id, message, "callback_query", body)
    return query
