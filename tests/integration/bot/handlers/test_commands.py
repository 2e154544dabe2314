"""Commands, and what is neither a command nor words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bot.accounts import Balance

if TYPE_CHECKING:
    from tests.integration.bot.handlers.conftest import Talk

CHAT = 501
GROUP = -100_500


async def test_start_greets_and_gives_the_gift_once(talk: Talk) -> None:
    """A newcomer hears what the bot does; who comes back, the balance."""
    await talk.write("/start")
    await talk.write("/start")
    first, second = await talk.said(2)
    assert "I make pictures, video, music and speech" in first["text"]
    assert "here is a gift: 20 credits" in first["text"]
    assert "Good to see you again" in second["text"]
    assert "You have 20 credits" in second["text"]
    assert await talk.balance() == Balance(20_000, 0)


async def test_start_leads_to_the_menu_and_shows_no_preview_of_its_link(talk: Talk) -> None:
    """The button is the newcomer's first step; a preview of the invitation would be larger than the greeting."""
    await talk.write("/start")
    await talk.press("All models")
    _, menu = await talk.said(2)
    assert "What shall we make?" in menu["text"]
    greeting, menu_call = await talk.house.sandbox.calls("sendMessage")
    assert json.loads(str(greeting["parameters"]["link_preview_options"])) == {"is_disabled": True}
    assert "link_preview_options" not in menu_call["parameters"]


async def test_russian_is_spoken_to_russians_and_start_follows_a_change(talk: Talk) -> None:
    """The language is stored at the first contact; /start is the moment to change it."""
    await talk.write("/start", language="ru")
    await talk.write("/balance", language="en")
    await talk.write("/start", language="en")
    await talk.write("/balance", language="ru")
    texts = [message["text"] for message in await talk.said(4)]
    assert "примите подарок: 20 кредитов" in texts[0]
    assert texts[1] == "На балансе 20 кредитов."
    assert "Good to see you again" in texts[2]
    assert texts[3] == "You have 20 credits."


async def test_a_bot_without_gifts_says_nothing_of_one(mute: Talk) -> None:
    """WELCOME_CREDITS=0."""
    mute.house.settings["welcome_credits"] = 0
    async with mute.house.open("telegram", "outbox"):
        await mute.write("/start")
        (greeting,) = await mute.said(1)
        await mute.write("a fox")
        _, refusal = await mute.said(2)
    assert "gift" not in greeting["text"]
    assert "You have 0 credits." in greeting["text"]
    assert "Z-Image · 0.8 credits\nYou have 0 credits: that is not enough." in refusal["text"]
    assert "Generate" in refusal["buttons"]


async def test_help_explains_and_names_the_support(mute: Talk) -> None:
    """The limit is the model's own; the support appears when there is one."""
    async with mute.house.open("telegram", "outbox"):
        await mute.write("/help")
        (without,) = await mute.said(1)
    mute.house.settings["support_telegram"] = "@vigil_support"
    async with mute.house.open("telegram", "outbox"):
        await mute.write("/help")
        _, with_support = await mute.said(2)
    assert "up to 1000 characters" in without["text"]
    assert "Questions?" not in without["text"]
    assert "Questions? Write to @vigil_support." in with_support["text"]


async def test_the_balance_tells_what_is_set_aside(talk: Talk) -> None:
    """What is held for a picture in the making is named apart."""
    await talk.write("a fox")
    await talk.press("Generate")
    await talk.write("/balance")
    said = await talk.said(2)
    assert said[1]["text"] == (
        "You have 19.2 credits.\n0.8 credits more are set aside for what is being made right now."
    )


async def test_unknown_commands_and_other_things_are_answered(talk: Talk) -> None:
    """A hint, never silence."""
    assert [call["text"] for call in await talk.update(talk.message("/dance now"))] == [
        "I do not know that command. /help shows what I can do."
    ]
    sticker = {"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1, "type": "regular"}
    answers = await talk.update(talk.message(None, sticker={**sticker, "is_animated": False, "is_video": False}))
    assert answers[0]["text"].startswith("I cannot do anything with that.")


async def test_nobody_is_answered_twice_or_for_nothing(talk: Talk) -> None:
    """Edited messages, service messages, channels and bots: silence."""
    edited = talk.message("a fox")
    edited["edited_message"] = edited.pop("message")
    other_bot = talk.message("a fox")
    other_bot["message"]["from"]["is_bot"] = True
    for update in (edited, other_bot, talk.message(None, pinned_message=talk.message("x")["message"])):
        assert await talk.update(update) == []


async def test_a_name_is_text_and_nothing_else(talk: Talk) -> None:
    """HTML in names is shown as it is."""
    (call,) = await talk.update(talk.message("/start"))
    assert call["text"].startswith("Hello, Ann &lt;b&gt;!")
