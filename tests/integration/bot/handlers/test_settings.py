"""The language that somebody chooses, and the pages that say what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.bot.handlers.conftest import Talk

CHAT = 501
GROUP = -100_500


async def test_a_chosen_language_stays_whatever_telegram_says(talk: Talk) -> None:
    """The page itself changes at once, and /start no longer follows the phone."""
    await talk.write("/settings")
    await talk.press("Русский")
    (page,) = await talk.said(1)
    assert "Язык, на котором я с вами говорю: Русский" in page["text"]
    assert page["buttons"] == ["✓ Русский", "English"]
    await talk.write("/start", language="en")
    _, greeting = await talk.said(2)
    assert "Рад видеть вас снова" in greeting["text"]


async def test_the_settings_do_not_end_what_was_begun(talk: Talk) -> None:
    """The question stays open: the next message answers it."""
    calls = await talk.update(talk.message("/models"))
    await talk.update(talk.pressed(_button(calls[0], "Pictures")))
    before = await talk.house.bank.value("SELECT asked FROM dialog")
    await talk.house.bank.write("UPDATE dialog SET model_id = 'z-image', asked = 'prompt'")
    await talk.update(talk.message("/settings"))
    assert before is None
    assert await talk.house.bank.value("SELECT asked FROM dialog") == "prompt"


@pytest.mark.parametrize("data", ["2:dx:lang:fr", "2:dx:lang", "2:dx:hist:-1", "2:dx:again:x"])
async def test_a_button_that_says_nonsense_changes_nothing(talk: Talk, data: str) -> None:
    """It is answered all the same."""
    await talk.update(talk.message("/start"))
    calls = await talk.update(talk.pressed(data))
    assert calls[-1]["method"] == "answerCallbackQuery"
    assert await talk.house.bank.value("SELECT language FROM users") == "en"


@pytest.mark.parametrize("command", ["/topup", "/paysupport"])
async def test_what_is_not_there_yet_is_said_kindly(mute: Talk, command: str) -> None:
    """No half-open till; the support is named where there is one."""
    async with mute.house.open("telegram"):
        (call,) = await mute.update(mute.message(command))
    assert "yet" in call["text"]
    assert "write to" not in call["text"]
    mute.house.settings["support_telegram"] = "@vigil<b>"
    async with mute.house.open("telegram"):
        (call,) = await mute.update(mute.message(command))
    assert "write to @vigil&lt;b&gt;." in call["text"]


@pytest.mark.parametrize("chat", [CHAT, GROUP])
async def test_help_names_only_commands_that_exist(talk: Talk, chat: int) -> None:
    """Each of them is answered, and by something else than that it is unknown."""
    (page,) = await talk.update(talk.message("/help"))
    named = {word.strip(",.:;") for word in page["text"].split() if word.startswith("/")}
    assert {"/models", "/history", "/settings", "/privacy", "/terms", "/topup", "/paysupport"} <= named
    for command in named:
        (call, *_) = await talk.update(talk.message(command, chat=chat))
        assert "I do not know that command" not in call["text"], command


def _button(call: dict[str, object], begins: str) -> str:
    rows = call["reply_markup"]["inline_keyboard"]  # type: ignore[index]  # as the bot has written it
    return str(next(button["callback_data"] for row in rows for button in row if button["text"].startswith(begins)))
