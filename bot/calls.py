"""The calls that an outbox row may ask for, made through python-telegram-bot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from telegram import Bot, InlineKeyboardMarkup, Message, PhotoSize

from bot.delivery import Outgoing, Sent, clean

MEDIA_READ_SECONDS: Final = 60.0
"""Telegram looks at a picture before it answers."""
Content = bytes | str
"""A file: its bytes, or the id under which Telegram has it already."""
Call = Callable[[], Awaitable[Sent]]


def prepare(bot: Bot, row: Outgoing, content: Content | None) -> Call:
    """Return the call that `row` describes; nothing is sent before it is made.

    Raises AttributeError, LookupError, TypeError or ValueError when no call can be made of the row.
    """
    prepared = _CALLS.get(row.method)
    if prepared is None:
        raise ValueError(f"{row.method} is not a call that the outbox makes")
    return prepared(bot, row, content)


def _send_message(bot: Bot, row: Outgoing, _: Content | None) -> Call:
    given = {"chat_id": row.chat_id, "text": clean(row.params["text"]), **_dressed(bot, row)}

    async def call() -> Sent:
        return Sent((await bot.send_message(**given)).message_id)

    return call


def _edit_message_text(bot: Bot, row: Outgoing, _: Content | None) -> Call:
    given = {
        "text": clean(row.params["text"]),
        "chat_id": row.chat_id,
        "message_id": row.target_message_id,
        **_dressed(bot, row),
    }

    async def call() -> Sent:
        await bot.edit_message_text(**given)
        return Sent(row.target_message_id)

    return call


def _send_photo(bot: Bot, row: Outgoing, content: Content | None) -> Call:
    if content is None:
        raise ValueError("there is no picture to send")
    given = {
        "chat_id": row.chat_id,
        # A bare string would be looked up as a local file first.
        "photo": PhotoSize(content, "", 0, 0) if isinstance(content, str) else content,
        "caption": clean(row.params.get("caption", "")),
        "filename": "picture.png",
        "read_timeout": MEDIA_READ_SECONDS,
        **_dressed(bot, row),
    }

    async def call() -> Sent:
        message = await bot.send_photo(**given)
        return Sent(message.message_id, _largest(message))

    return call


def _answer_callback_query(bot: Bot, row: Outgoing, _: Content | None) -> Call:
    text = row.params.get("text")
    given = {
        "callback_query_id": row.params["callback_query_id"],
        "text": None if text is None else clean(text),
        "show_alert": row.params.get("show_alert"),
    }

    async def call() -> Sent:
        await bot.answer_callback_query(**given)
        return Sent()

    return call


def _dressed(bot: Bot, row: Outgoing) -> dict[str, Any]:
    return {"parse_mode": row.params.get("parse_mode"), "reply_markup": _keyboard(row, bot)}


def _keyboard(row: Outgoing, bot: Bot) -> InlineKeyboardMarkup | None:
    found = row.params.get("reply_markup")
    return None if found is None else InlineKeyboardMarkup.de_json(found, bot)


def _largest(message: Message) -> str | None:
    return message.photo[-1].file_id if message.photo else None


_CALLS: dict[str, Callable[[Bot, Outgoing, Content | None], Call]] = {
    "sendMessage": _send_message,
    "editMessageText": _edit_message_text,
    "sendPhoto": _send_photo,
    "answerCallbackQuery": _answer_callback_query,
}
