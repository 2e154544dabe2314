"""The best price of a category, on the real catalogue: what is asked, which model is named, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from bot.breaker import IN_A_ROW
from bot.vitals import Vitals
from tests.integration.bot.handlers.walk import Walk, photo, voice

if TYPE_CHECKING:
    from tests.integration.bot.handlers.conftest import Talk

NEWEST = "SELECT {} FROM generation LEFT JOIN generation_route ON generation_id = id ORDER BY id DESC LIMIT 1"


@pytest.fixture
async def buyer(mute: Talk) -> AsyncIterator[Walk]:
    """A person in a chat with a bot that offers everything."""
    async with mute.house.open("telegram"):
        yield Walk(mute)


async def ask(buyer: Walk, category: str) -> str:
    """Go through the menu to the best price of a category and return what is asked."""
    await buyer.say("/models")
    await buyer.press(next(label for label in buyer.now.buttons if label.startswith(category)))
    return (await buyer.press("Best price" if buyer.language == "en" else "Лучшая цена")).text


async def newest(buyer: Walk, column: str) -> str:
    """Return how the newest quote came about."""
    return str(await buyer.talk.house.bank.value(NEWEST.format(column)))


@pytest.mark.parametrize(("category", "model"), [("Pictures", "Z-Image"), ("Video", "Grok Imagine Video")])
async def test_words_are_quoted_by_the_cheapest_model_of_the_category(buyer: Walk, category: str, model: str) -> None:
    """However many they are: whoever asks for the price wants no better model; its name and price are told."""
    assert "I take the cheapest model" in await ask(buyer, category)
    quote = await buyer.say("a red fox in the snow, " * 14)
    assert f"{model} · " in quote.text
    assert "Generate" in quote.buttons
    assert await newest(buyer, "requested || ' ' || reason") == "best_price cheapest"


@pytest.mark.parametrize("category", ["Edit a photo", "Animate a photo"])
async def test_a_photo_is_quoted_with_its_words_or_asked_for_them(buyer: Walk, category: str) -> None:
    """Words alone are no photo; the caption is the words; without one they are asked for, where the model needs them."""
    asked = await ask(buyer, category)
    assert (await buyer.say("make it night")).text == asked
    assert (await buyer.say(**voice())).text == asked
    quote = await buyer.say(**photo(), caption="make it night")
    assert quote.text.startswith("make it night\n")
    assert await newest(buyer, "requested || ' ' || reason") == "best_price cheapest"
    cheapest = await newest(buyer, "model_id")
    await ask(buyer, category)
    screen = await buyer.say(**photo())
    if category == "Edit a photo":
        assert "Description" in screen.text
        screen = await buyer.say("make it day")
    assert "Generate" in screen.buttons
    assert await newest(buyer, "model_id || ' ' || requested") == f"{cheapest} best_price"


async def test_a_photo_is_no_description(buyer: Walk) -> None:
    """Where words are wanted, a photo is not drawn over without a word about it."""
    asked = await ask(buyer, "Pictures")
    assert (await buyer.say(**photo(), caption="make it night")).text == asked
    assert await buyer.talk.house.bank.value("SELECT count(*) FROM generation") == 0


async def test_the_cheapest_is_passed_by_while_it_fails_and_while_it_is_switched_off(
    mute: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next cheapest is named instead."""
    vitals = Vitals()
    monkeypatch.setattr("bot.services.Vitals", lambda: vitals)
    for _ in range(IN_A_ROW):
        vitals.ended("z-image", "timeout")
    async with mute.house.open("telegram"):
        buyer = Walk(mute)
        await ask(buyer, "Pictures")
        await buyer.say("a fox")
        second = await newest(buyer, "model_id")
        assert await newest(buyer, "reason") == "unhealthy"
        await mute.house.bank.write("INSERT INTO model_switch (model_id) VALUES ($1)", second)
        await ask(buyer, "Pictures")
        await buyer.say("a fox")
        assert await newest(buyer, "model_id") not in {"z-image", second}


async def test_words_that_the_cheapest_does_not_take_go_to_one_that_does(buyer: Walk) -> None:
    """And what nobody takes is told."""
    await ask(buyer, "Pictures")
    await buyer.say("x" * 1001)
    assert await newest(buyer, "model_id") != "z-image"
    await ask(buyer, "Pictures")
    refused = await buyer.say("x" * 20_001)
    assert "20001" in refused.text.replace(",", "").replace(" ", "")


async def test_audio_and_enhancing_have_no_best_price(buyer: Walk) -> None:
    """Their models make different things; a button that says so all the same is out of date."""
    for category in ("Music", "Enhance"):
        await buyer.say("/models")
        page = await buyer.press(next(label for label in buyer.now.buttons if label.startswith(category)))
        assert "Best price" not in page.buttons
    owner = next(iter(buyer.now.buttons.values())).split(":")[1]
    assert "out of date" in str(await buyer.send(f"2:{owner}:best:audio"))


async def test_going_back_asks_nothing_any_more(buyer: Walk) -> None:
    """Words are what they always are then."""
    await ask(buyer, "Video")
    await buyer.press("Back")
    assert "Z-Image" in (await buyer.say("a fox")).text
    assert await newest(buyer, "requested") == "words"


async def test_it_is_asked_in_russian(buyer: Walk) -> None:
    """Naturally."""
    buyer.language = "ru"
    assert "лучшая цена" in await ask(buyer, "Видео")
    await buyer.say("лиса бежит по снегу")
    assert await newest(buyer, "requested") == "best_price"
