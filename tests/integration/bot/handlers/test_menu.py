"""The menu, its pages and the cards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.catalogue import Catalogue
from bot.codes import MODEL_BYTES, code
from bot.handlers import shelf
from bot.ports import Health
from tests.integration.bot.handlers.walk import Walk

if TYPE_CHECKING:
    from tests.integration.bot.handlers.conftest import Talk

GROUP = -100_500


@pytest.mark.parametrize("command", ["/models", "/generate"])
async def test_the_menu_shows_the_categories_with_their_least_prices(walk: Walk, command: str) -> None:
    """And the balance; a category that has no models is not there."""
    screen = await walk.say(command)
    assert "You have 300 credits." in screen.text
    assert list(screen.buttons) == [
        "Pictures · from 0.8",
        "Edit a photo · from 4",
        "Video · from 30",
        "Animate a photo · from 16",
        "Music and speech · from 0.1",
        "Enhance · from 2",
    ]


async def test_a_way_through_the_menu_is_one_message(walk: Walk) -> None:
    """Category, card, back and menu edit the message that was pressed."""
    await walk.say("/models")
    page = await walk.press("Enhance · from 2")
    assert list(page.buttons) == ["Sharp · 2/MP", "Watch · 12/s", "Back"]
    card = await walk.press("Watch · 12/s")
    assert card.text == (
        "Watch\nSharper videos\n\nPrice: 12 credits per second\nYou will need: video\n\nYou have 300 credits."
    )
    assert list(card.buttons) == ["Create", "Back", "All models"]
    await walk.press("Back")
    await walk.press("Back")
    assert "What shall we make?" in walk.now.text
    assert len(walk.screens) == 1


async def test_a_card_tells_a_range_of_prices_in_the_user_s_language(walk: Walk) -> None:
    """What the settings decide is told as what it can be."""
    walk.language = "ru"
    await walk.say("/models")
    await walk.press("Видео · от 30")
    card = await walk.press("Клип · от 30")
    assert "Цена: 30–50 кредитов, зависит от настроек" in card.text
    assert "Понадобится: описание, длительность" in card.text


async def test_an_older_menu_is_answered_below(walk: Walk) -> None:
    """Its buttons work; the answer stands where the person looks."""
    await walk.say("/models")
    old = walk.now
    await walk.say("/models")
    async with walk.talk.house.bank.transaction() as connection:
        await connection.execute("UPDATE outbox SET state = 'sent', result_message_id = 1000 + id")
    await walk.send(old.buttons["Enhance · from 2"])
    assert len(walk.screens) == 3


async def test_somebody_else_s_button_only_says_so(walk: Walk) -> None:
    """In a group everybody sees them; a press by another one moves nobody."""
    walk.chat = GROUP
    username = await walk.talk.username()
    screen = await walk.say(f"/models@{username}")
    walk.user = 777
    for data in screen.buttons.values():
        toast = await walk.send(data)
        assert toast == "This button is for the one who asked. Send /models for your own."
    assert len(walk.screens) == 1
    assert await walk.talk.house.bank.value("SELECT count(*) FROM dialog WHERE user_id = 777") == 0


@pytest.mark.parametrize(
    "rest",
    [
        "card:gone",
        "make:~0000000",
        "kind:nothing:0",
        "kind",
        "v:z-image",
        "done",
        "repeat:x",
        "repeat:1",
        "dance",
        "card",
    ],
)
async def test_a_button_of_other_times_is_answered(walk: Walk, rest: str) -> None:
    """A model that is gone, an action nobody has, too few arguments: a few words, and nothing else."""
    await walk.say("/models")
    owner = next(iter(walk.now.buttons.values())).split(":")[1]
    toast = await walk.send(f"2:{owner}:{rest}")
    assert toast is not None
    assert "out of date" in toast or "not available any more" in toast
    assert len(walk.screens) == 1


async def test_a_page_number_that_is_none_shows_a_page(walk: Walk) -> None:
    """Anybody can send anything."""
    await walk.say("/models")
    owner = next(iter(walk.now.buttons.values())).split(":")[1]
    for number in ("99", "-1", "x", "", "9" * 30):
        await walk.send(f"2:{owner}:kind:image:{number}"[:64])
        assert walk.now.text.startswith("Pictures")


async def test_a_long_category_has_pages(mute: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight models each, cheapest first, with a way to and fro; and what was measured stands beside the price."""
    model = mute.house.catalogue.models["z-image"]
    many = [model.model_copy(update={"id": f"acme/picture-number-{number:02}"}) for number in range(19)]
    mute.house.catalogue = Catalogue({each.id: each for each in (model, *many)})
    measured = {"acme/picture-number-00": Health(0.978, 42.0), "z-image": Health(None, 240.0)}
    stocked = shelf.stocked(mute.house.catalogue, lambda model_id: measured.get(model_id, Health()))
    monkeypatch.setattr("bot.handlers.stocked", lambda *_: stocked)
    async with mute.house.open("telegram"):
        walk = Walk(mute)
        await walk.say("/models")
        first = await walk.press("Pictures · from 0.8")
        assert "Page 1 of 3" in first.text
        assert "beside it how often it succeeds" in first.text
        assert list(first.buttons) == ["Z-Image · 0.8 · 97 %", "Z-Image · 0.8", "More ›", "Best price", "Back"]
        second = await walk.press("More ›")
        assert list(second.buttons)[-4:] == ["‹ Earlier", "More ›", "Best price", "Back"]
        third = await walk.press("More ›")
        assert "Page 3 of 3" in third.text
        owner = third.buttons["Back"].split(":")[1]
        await walk.send(f"2:{owner}:card:{code('acme/picture-number-00', MODEL_BYTES)}")
        assert "Usually takes about 42 s\nSucceeds in 97 % of cases" in walk.now.text
        await walk.send(f"2:{owner}:card:z-image")
        assert "Usually takes about 4 min" in walk.now.text
