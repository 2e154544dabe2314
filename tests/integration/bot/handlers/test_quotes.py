"""Words, their price, and the buttons under it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bot.accounts import Balance

if TYPE_CHECKING:
    from tests.integration.bot.handlers.conftest import Talk

CHAT = 501
GROUP = -100_500


async def test_words_are_answered_with_model_price_balance_and_buttons(talk: Talk) -> None:
    """Everything is seen before it is paid; nothing is held yet."""
    await talk.write("a <b>red</b> fox & snow")
    (quote,) = await talk.said(1)
    assert quote["text"] == (
        "a <b>red</b> fox & snow\nZ-Image · 0.8 credits\nYou have 20 credits.\n\nChange what you like, then press Generate."
    )
    assert quote["buttons"] == ["✓ 1:1", "4:3", "3:4", "16:9", "9:16", "Generate", "Cancel", "Another model"]
    assert await talk.balance() == Balance(20_000, 0)


async def test_a_chosen_format_is_marked_and_ordered(talk: Talk) -> None:
    """The message is edited, the choice is in the order; the same choice again edits nothing."""
    await talk.write("a fox")
    await talk.press("16:9")
    (quote,) = await talk.said(1)
    assert quote["buttons"] == ["1:1", "4:3", "3:4", "✓ 16:9", "9:16", "Generate", "Cancel", "Another model"]
    await talk.press("✓ 16:9")
    assert await talk.toasts(2) == [None, None]
    assert len(await talk.house.sandbox.calls("editMessageText")) == 1
    assert json.loads(await talk.house.bank.value("SELECT inputs FROM generation"))["aspect_ratio"] == "16:9"


async def test_a_cancelled_quote_is_over(talk: Talk) -> None:
    """Nothing is charged, the buttons are gone, and an old press says so."""
    await talk.write("a fox")
    await talk.press("Cancel")
    (quote,) = await talk.said(1)
    assert (quote["text"], quote["buttons"]) == ("a fox\nCancelled, nothing was charged.", [])
    generation_id = await talk.house.bank.value("SELECT id FROM generation WHERE state = 'expired'")
    (answer,) = await talk.update(talk.pressed(f"1:go:{generation_id}:800"))
    assert answer["text"] == "This one was cancelled. Please begin anew."


async def test_a_second_tap_does_nothing(talk: Talk) -> None:
    """One hold, one order, and a word over the chat."""
    await talk.write("a fox")
    await talk.press("Generate")
    generation_id = await talk.house.bank.value("SELECT id FROM generation")
    calls = await talk.update(talk.pressed(f"1:go:{generation_id}:800"))
    assert [(call["method"], call["text"]) for call in calls] == [("answerCallbackQuery", "It is under way already.")]
    assert await talk.balance() == Balance(19_200, 800)
    (quote,) = await talk.said(1)
    assert (quote["text"], quote["buttons"]) == ("a fox\nIn the queue. I start in a moment…", [])


async def test_an_old_confirmation_asks_again_instead_of_charging(talk: Talk) -> None:
    """After ten minutes the first press only makes it fresh; the second one counts."""
    await talk.write("a fox")
    await talk.house.bank.write("UPDATE generation SET quoted_at = now() - interval '601 s'")
    await talk.press("Generate")
    (quote,) = await talk.said(1)
    assert "Some time has passed, so I ask once more" in quote["text"]
    assert quote["buttons"][-3:] == ["Generate", "Cancel", "Another model"]
    assert await talk.toasts(1) == ["Some time has passed. Please press Generate once more."]
    assert await talk.balance() == Balance(20_000, 0)
    await talk.press("Generate")
    assert await talk.balance() == Balance(19_200, 800)


async def test_an_old_quote_gets_today_s_price(talk: Talk) -> None:
    """A price that changed meanwhile is shown before it is charged."""
    await talk.write("a fox")
    await talk.house.bank.write("UPDATE generation SET price = 300, quoted_at = now() - interval '601 s'")
    await talk.press("16:9")
    (quote,) = await talk.said(1)
    assert "Z-Image · 0.8 credits" in quote["text"]


async def test_one_picture_at_a_time(talk: Talk) -> None:
    """The second waits for its own press; nothing is held for it."""
    await talk.write("a fox")
    await talk.press("Generate")
    await talk.write("a lighthouse")
    await talk.press("Generate")
    assert (await talk.toasts(2))[1] == (
        "One moment: what you asked for before is still being made. Press again when it is here."
    )
    assert await talk.balance() == Balance(19_200, 800)


async def test_more_at_a_time_where_the_operator_allows_it(mute: Talk) -> None:
    """ACTIVE_TASKS_PER_USER=2."""
    mute.house.settings["active_tasks_per_user"] = 2
    async with mute.house.open("telegram", "outbox"):
        for words in ("a fox", "a lighthouse"):
            await mute.write(words)
            await mute.press("Generate")
        assert await mute.balance() == Balance(18_400, 1_600)


async def test_not_enough_credits_is_told_with_price_and_balance(mute: Talk) -> None:
    """Between the quote and the press they were spent: nothing is held, the quote stays."""
    mute.house.settings |= {"welcome_credits": 1, "active_tasks_per_user": 2}
    async with mute.house.open("telegram", "outbox"):
        await mute.write("a fox")
        await mute.write("a lighthouse")
        quotes = await mute.said(2)
        await mute.press("Generate")
        first = await mute.house.bank.value("SELECT min(id) FROM generation")
        calls = await mute.update(mute.pressed(f"1:go:{first}:800"))
        assert calls[1]["text"] == "Not enough credits: 0.8 credits needed, you have 0.2 credits."
        said = await mute.said(2)
    assert said[0]["text"].startswith("a fox\nZ-Image · 0.8 credits\nYou have 0.2 credits: that is not enough.")
    assert said[0]["buttons"] == quotes[0]["buttons"]
    assert await mute.balance() == Balance(200, 800)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("\u200b\n\t \u0000", None),
        ("\u0000\u0007", "There is nothing to draw in that message."),
    ],
    ids=["invisible", "nothing"],
)
async def test_words_that_cannot_be_drawn_are_answered_kindly(talk: Talk, words: str, answer: str | None) -> None:
    """No quote is made of nothing. An invisible word is a word."""
    (call,) = await talk.update(talk.message(words))
    if answer is None:
        assert call["reply_markup"]
    else:
        assert call["text"].startswith(answer)
        assert await talk.house.bank.value("SELECT count(*) FROM generation") == 0


async def test_a_prompt_of_exactly_a_thousand_characters_is_taken(talk: Talk) -> None:
    """Characters are counted as people count them, emoji too."""
    (call,) = await talk.update(talk.message("🦊" * 1000))
    assert call["reply_markup"]


async def test_broken_text_goes_the_whole_way(talk: Talk) -> None:
    """Half a surrogate pair and NUL: kept, shown and ordered as what can be kept, shown and ordered."""
    update = talk.message("fox")
    body = json.dumps(update).replace('"fox"', '"a \\ud83d fox\\u0000"').encode()
    await talk.house.handle("telegram", body)
    assert json.loads(await talk.house.bank.value("SELECT inputs FROM generation"))["prompt"] == "a \ufffd fox"


@pytest.mark.parametrize(
    "data",
    ["", "1:go:999999:800", "1:set:1:colour:red", "menu", "1:go:x"],
    ids=["empty", "unknown", "field", "old", "bad"],
)
async def test_every_press_is_answered(talk: Talk, data: str) -> None:
    """Buttons of other times and other bots: a word, and nothing else."""
    await talk.update(talk.message("a fox"))
    calls = await talk.update(talk.pressed(data))
    assert [(call["method"], call["text"]) for call in calls] == [
        ("answerCallbackQuery", "This button is out of date. Send /models to begin anew.")
    ]


async def test_a_withdrawn_model_is_told(talk: Talk) -> None:
    """Its quote ends, its buttons go."""
    await talk.write("a fox")
    await talk.house.bank.write("UPDATE generation SET model_id = 'gone'")
    await talk.press("Generate")
    (quote,) = await talk.said(1)
    assert "not on offer any more" in quote["text"]
    assert quote["buttons"] == []
    assert await talk.house.state(CHAT) == "expired"
