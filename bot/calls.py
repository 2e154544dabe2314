"""The calls that an outbox row may ask for, made through python-telegram-bot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from telegram import Bot, InlineKeyboardMarkup, Message, PhotoSize

from bot.delivery import Outgoing, Sent, clean

MEDIA_READ_SECONDS: Final = 60.0
"""Telegram looks at a picture before it answers."""
Content = bytes | str
"""A file: its bytes, or the id under which Telegram has it already."""


async def call(bot: Bot, row: Outgoing, content: Content | None) -> Sent:
    """Make the call that `row` describes; raise TelegramError, or ValueError when no call can be made of it."""
    method = _CALLS.get(row.method)
    if method is None:
        raise ValueError(f"{row.method} is not a call that the outbox makes")
    return await method(bot, row, content)


async def _send_message(bot: Bot, row: Outgoing, _: Content | None) -> Sent:
    message = await bot.send_message(
        row.chat_id,
        clean(row.params["text"]),
        parse_mode=row.params.get("parse_mode"),
        reply_markup=_keyboard(row, bot),
    )
    return Sent(message.message_id)


async def _edit_message_text(bot: Bot, row: Outgoing, _: Content | None) -> Sent:
    await bot.edit_message_text(
        clean(row.params["text"]),
        row.chat_id,
        row.target_message_id,
        parse_mode=row.params.get("parse_mode"),
        reply_markup=_keyboard(row, bot),
    )
    return Sent(row.target_message_id)


async def _send_photo(bot: Bot, row: Outgoing, content: Content | None) -> Sent:
    if content is None:
        raise ValueError("there is no picture to send")
    message = await bot.send_photo(
        row.chat_id,
        # A bare string would be looked up as a local file first.
        PhotoSize(content, "", 0, 0) if isinstance(content, str) else content,
        caption=clean(row.params.get("caption", "")),
        parse_mode=row.params.get("parse_mode"),
        reply_markup=_keyboard(row, bot),
        filename="picture.png",
        read_timeout=MEDIA_READ_SECONDS,
    )
    return Sent(message.message_id, _largest(message))


async def _answer_callback_query(bot: Bot, row: Outgoing, _: Content | None) -> Sent:
    text = row.params.get("text")
    await bot.answer_callback_query(
        row.params["callback_query_id"],
        text=None if text is None else clean(text),
        show_alert=row.params.get("show_alert"),
    )
    return Sent()


def _keyboard(row: Outgoing, bot: Bot) -> InlineKeyboardMarkup | None:
    found = row.params.get("reply_markup")
    return None if found is None else InlineKeyboardMarkup.de_json(found, bot)


def _largest(message: Message) -> str | None:
    return message.photo[-1].file_id if message.photo else None


_CALLS: dict[str, Callable[[Bot, Outgoing, Content | None], Awaitable[Sent]]] = {
    "sendMessage": _send_message,
    "editMessageText": _edit_message_text,
    "sendPhoto": _send_photo,
    "answerCallbackQuery": _answer_callback_query,
}
