"""What people do in the sandbox: write, press buttons, and are about to pay."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Final

from bot.sandbox.chats import user_json
from bot.sandbox.entities import find_entities
from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.identity import USER_ID
from bot.sandbox.keyboard import find_button, labels
from bot.sandbox.methods.content import MAX_TEXT
from bot.sandbox.records import Checkout, Message, Query, User
from bot.sandbox.world import World

KEPT_QUERIES: Final = 1000
CHECKOUTS: Final = 4 << 33
"""Telegram delivers these apart from what happens in the person's chat."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, where, and to which message (0: to none); a person nobody knows yet is made."""

    chat_id: int
    user_id: int = 0
    name: str = ""
    language: str = ""
    reply_to: int = 0

    def check(self) -> None:
        """Refuse what cannot be: a private chat is its person's own, and in a group it must be said who writes."""
        if not self.chat_id:
            raise bad_request("there is no chat 0")
        if self.user_id < 0 or (self.chat_id < 0 and not self.user_id):
            raise bad_request("in a group it must be said which user writes, by a positive id")
        if self.chat_id > 0 and self.user_id not in (0, self.chat_id):
            raise bad_request(f"the private chat {self.chat_id} is not user {self.user_id}'s")


def said(world: World, writer: Writer, contents: list[dict[str, Any]]) -> list[Message]:
    """Post what a person says, while the book is writing, and queue it for the bot."""
    bot_id = world.chats.desk.bot_id
    user = world.chats.person(writer.user_id or writer.chat_id, writer.name, writer.language)
    around: dict[str, Any] = {}
    if writer.reply_to:
        answered = world.chats.find(bot_id, writer.chat_id, writer.reply_to)
        if answered is None:
            raise ApiError(404, f"Chat {writer.chat_id} has no message {writer.reply_to}.")
        around = {"reply_to_message": {name: v for name, v in answered.body.items() if name != "reply_to_message"}}
    messages = []
    for content in contents:
        message = world.chats.post(bot_id, writer.chat_id, content | around, is_from_bot=False, user_id=user.id)
        world.chats.queue(bot_id, message, "message", message.body)
        messages.append(message)
    return messages


async def write(world: World, writer: Writer, text: str) -> Message:
    """Let a person write to the bot."""
    text = text.strip()
    if not text:
        raise bad_request("the text is empty")
    if len(text) > MAX_TEXT:
        raise bad_request(f"the text is longer than {MAX_TEXT} characters")
    writer.check()
    found = find_entities(text)
    content: dict[str, Any] = {"text": text} | ({"entities": found} if found else {})
    async with world.book.writing():
        return said(world, writer, [content])[0]


async def press(world: World, chat_id: int, label: str, message_id: int | None = None, user_id: int = 0) -> Query:
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
        user = world.chats.person(chat_id if chat_id > 0 else user_id or USER_ID)
        return _query(world, user, message, button["callback_data"])


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


def _query(world: World, user: User, message: Message, data: str) -> Query:
    query = Query(
        id=str(secrets.randbits(62)),
        bot_id=message.bot_id,
        chat_id=message.chat_id,
        message_id=message.message_id,
        date=world.clock(),
        revision=world.book.next_revision(),
    )
    body = {
        "id": query.id,
        "from": user_json(user),
        "message": message.body,
        "chat_instance": str(message.bot_id * 31 + message.chat_id),
        "data": data,
    }
    _forget_old(world, Query)
    world.book.put(query)
    world.chats.queue(message.bot_id, message, "callback_query", body)
    return query
