"""The oracle sees what the sandbox takes and says, in both directions; conftest.py lets it judge every test here."""

from __future__ import annotations

import io
from collections import deque
from typing import Any

import pytest
from PIL import Image
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto, InputMediaVideo

from bot.sandbox.client import Client
from bot.sandbox.clip import clip
from bot.sandbox.melody import melody
from bot.sandbox.methods import METHODS
from tests.oracle import Oracle, approve, method_of, plain

KEYBOARD = InlineKeyboardMarkup(
    [[InlineKeyboardButton("Generate", callback_data="go"), InlineKeyboardButton("Site", url="https://example.org")]]
)
GROUP = -1001234


def png() -> bytes:
    """Return a picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (400, 400), "red").save(buffer, "PNG")
    return buffer.getvalue()


async def talk(bot: Bot, sandbox: Client) -> None:
    """Let people do all they can, in a private chat and in a group."""
    await sandbox.write("/start with #tag and https://example.org", 1001)
    await sandbox.attach([("a.png", png()), ("b.mp4", clip("x"))], 1001, caption="/edit this")
    await sandbox.attach([("c.mp3", melody("x")), ("d.pdf", b"%PDF")], 1001, reply_to=1)
    await sandbox.attach([("e.ogg", b"OggS")], 1001, kind="voice")
    await sandbox.attach([("f.gif", b"GIF89a")], 1001)
    await sandbox.write("/start", GROUP, user=1002)
    sent = await bot.send_message(GROUP, "here", reply_markup=KEYBOARD)
    await sandbox.write("and?", GROUP, user=1001, reply_to=sent.message_id)
    await sandbox.press("Generate", GROUP, user=1002)
    await sandbox.check_out(1001, "payload", 5)


async def answer(bot: Bot) -> None:
    """Use every method that a bot answers people with."""
    await bot.set_my_commands([BotCommand("start", "Begin")], language_code="en")
    await bot.get_my_commands(language_code="en")
    await bot.delete_my_commands(language_code="en")
    sent = await bot.send_message(1001, "<b>hi</b>", parse_mode="HTML", reply_markup=KEYBOARD, reply_to_message_id=1)
    await bot.send_chat_action(1001, "typing")
    await bot.set_message_reaction(1001, 1, "👍")
    await bot.edit_message_text("<i>edited</i>", 1001, sent.message_id, parse_mode="HTML", reply_markup=KEYBOARD)
    await bot.edit_message_reply_markup(1001, sent.message_id)
    photo = await bot.send_photo(1001, png(), caption="<u>fox</u>", parse_mode="HTML", has_spoiler=True)
    await bot.edit_message_caption(1001, photo.message_id, caption="fox", show_caption_above_media=True)
    await bot.send_video(1001, clip("x"), duration=3, width=16, height=9, supports_streaming=True)
    await bot.send_animation(1001, clip("x"), filename="a.mp4")
    await bot.send_audio(1001, melody("x"), title="Song", performer="Fox")
    await bot.send_voice(1001, b"OggS", filename="a.ogg")
    await bot.send_document(1001, b"text", filename="a.txt", caption="notes", protect_content=True)
    await bot.send_media_group(1001, [InputMediaPhoto(png(), caption="one"), InputMediaVideo(clip("x"))])
    await bot.edit_message_media(InputMediaVideo(clip("x")), 1001, photo.message_id, reply_markup=KEYBOARD)
    await bot.get_file(photo.photo[0].file_id)
    await bot.delete_message(1001, photo.message_id)


async def test_it_hears_every_method_and_approves_of_all(bot: Bot, sandbox: Client, oracle: Oracle) -> None:
    """Requests by their documented parameters; results and updates with documented fields only."""
    await talk(bot, sandbox)
    updates = await bot.get_updates(timeout=0, allowed_updates=[])
    await answer(bot)
    for update in updates:
        if update.callback_query:
            await bot.answer_callback_query(update.callback_query.id, "On it")
        if update.pre_checkout_query:
            await bot.answer_pre_checkout_query(update.pre_checkout_query.id, ok=True)
    await bot.set_webhook("http://127.0.0.1:9/hook", secret_token="s3cret")
    await bot.get_webhook_info()
    await bot.delete_webhook()
    assert {name for name, *_ in oracle.calls} == METHODS.keys()
    assert len(oracle.updates) == len(updates) == 11
    for message in (await sandbox.chat(GROUP))["messages"]:
        assert message["message"]["chat"]["type"] == "supergroup"
    oracle.judge()


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("sendMessage", {"chat_id": 1}),
        ("sendMessage", {"chat_id": 1, "text": "x", "bogus": 1}),
        (
            "sendPhoto",
            {"chat_id": 1, "photo": "id", "reply_markup": '{"inline_keyboard": [[{"text": "a", "bogus": 1}]]}'},
        ),
        ("sendMediaGroup", {"chat_id": 1, "media": '[{"type": "photo", "media": "id", "bogus": 1}]'}),
    ],
)
def test_it_refuses_requests_that_telegram_does_not_document(method: str, given: dict[str, Any]) -> None:
    """What is missing, and what is too much at any depth."""
    with pytest.raises(AssertionError):
        approve(method_of(method), plain(given), "a request")


async def test_it_refuses_what_the_sandbox_would_make_up(bot: Bot, sandbox: Client, oracle: Oracle) -> None:
    """In a result and in an update, also in what they hold."""
    await sandbox.write("hi", 1001)
    await bot.send_photo(1001, png())
    update, (name, given, result) = oracle.updates.pop(), oracle.calls.pop()
    photo: Any = result
    for broken in (photo | {"bogus": 1}, photo | {"photo": [{"file_id": "x"}]}, photo | {"chat": {"id": 1}}):
        oracle.calls = deque([(name, given, broken)])
        with pytest.raises(AssertionError):
            oracle.judge()
    oracle.calls.clear()
    oracle.updates = deque([{**update, "message": update["message"] | {"from": {"id": 1}}}])
    with pytest.raises(AssertionError):
        oracle.judge()
    oracle.updates.clear()
