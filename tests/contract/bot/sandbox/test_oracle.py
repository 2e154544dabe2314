"""aiogram's types, generated from Telegram's documentation, judge what the sandbox takes and what it says."""

from __future__ import annotations

import io
import json
from typing import Any

import aiogram.methods
from aiogram.types import CallbackQuery, Message, PhotoSize, Update, User, WebhookInfo
from PIL import Image
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup

from bot.sandbox.client import Client
from bot.sandbox.testing import api

KEYBOARD = InlineKeyboardMarkup(
    [[InlineKeyboardButton("Generate", callback_data="go"), InlineKeyboardButton("Site", url="https://example.org")]]
)


async def conversation(bot: Bot, sandbox: Client) -> int:
    """Use every sending method once, and return the message that was edited."""
    buffer = io.BytesIO()
    Image.new("RGB", (400, 400), "red").save(buffer, "PNG")
    await sandbox.write("/start with #tag and https://example.org", 1001)
    await bot.set_my_commands([BotCommand("start", "Begin")], language_code="en")
    sent = await bot.send_message(1001, "<b>hi</b>", parse_mode="HTML", reply_markup=KEYBOARD, reply_to_message_id=1)
    await bot.send_chat_action(1001, "typing")
    await sandbox.press("Generate", 1001)
    await bot.edit_message_text("<i>edited</i>", 1001, sent.message_id, parse_mode="HTML", reply_markup=KEYBOARD)
    await bot.edit_message_reply_markup(1001, sent.message_id)
    photo = await bot.send_photo(1001, buffer.getvalue(), caption="<u>fox</u>", parse_mode="HTML", has_spoiler=True)
    await bot.edit_message_caption(1001, photo.message_id, caption="fox")
    await bot.send_document(1001, b"text", filename="a.txt", caption="notes", protect_content=True)
    return sent.message_id


async def test_every_request_of_python_telegram_bot_is_recorded_as_telegram_documents_it(
    bot: Bot, sandbox: Client
) -> None:
    """The sandbox reads parameters by their documented names: the oracle accepts what it recorded, nothing unknown."""
    await conversation(bot, sandbox)
    await bot.get_updates(timeout=0, allowed_updates=["message", "callback_query"])
    calls = await sandbox.calls()
    assert len({call["method"] for call in calls}) >= 10
    for call in calls:
        assert call["error"] == ""
        method = getattr(aiogram.methods, call["method"][0].upper() + call["method"][1:])
        given = {name: decoded(value) for name, value in call["parameters"].items()}
        # A file that came with the call is recorded as its name and size; the method takes it as a string.
        given = {name: "upload" if isinstance(v, dict) and "bytes" in v else v for name, v in given.items()}
        assert set(given) - set(method.model_fields) - {"reply_to_message_id"} <= {v for v in given if v == "attach"}
        method.model_validate(given)


async def test_every_update_and_result_is_what_telegram_documents(bot: Bot, sandbox: Client) -> None:
    """Messages, callback queries with their message, photos with their sizes, and the answers of the methods."""
    await conversation(bot, sandbox)
    updates = (await api(sandbox, "getUpdates")).json()["result"]
    assert [next(k for k in u if k != "update_id") for u in updates] == ["message", "callback_query"]
    for update in updates:
        strict(Update, update)
    query = CallbackQuery.model_validate(updates[1]["callback_query"])
    assert isinstance(query.message, Message)
    assert query.chat_instance
    messages = (await sandbox.chat(1001))["messages"]
    assert len(messages) == 4
    for message in messages:
        strict(Message, message["message"])
    photo = next(m["message"]["photo"] for m in messages if m["kind"] == "photo")
    for size in photo:
        strict(PhotoSize, size)
    strict(User, (await api(sandbox, "getMe")).json()["result"])
    strict(WebhookInfo, (await api(sandbox, "getWebhookInfo")).json()["result"])


def strict(kind: Any, value: dict[str, Any]) -> None:
    """Validate, and refuse fields that the documentation does not know."""
    parsed = kind.model_validate(value)
    unknown = set(value) - {field.alias or name for name, field in kind.model_fields.items()}
    assert not unknown, f"{kind.__name__} has no {unknown}"
    assert parsed is not None


def decoded(value: object) -> object:
    """Read what python-telegram-bot sends as JSON text; ids that look like numbers stay text."""
    return json.loads(value) if isinstance(value, str) and value[:1] in "[{" and value else value
