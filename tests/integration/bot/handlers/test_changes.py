"""Changing a quote before it is confirmed, and a result's buttons."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bot import texts
from bot.accounts import Balance
from bot.afterwards import keyboard
from tests.integration.bot.handlers.walk import photo

if TYPE_CHECKING:
    from tests.integration.bot.handlers.walk import Screen, Walk

SETTINGS = [
    "Length: 6 s",
    "Resolution: 768p",
    "Sound: No",
    "What to avoid: not set",
    "Seed: not set",
    "Closeness to the description: not set",
    "Last frame: not set",
    "A very long name of an input: not set",
    "Generate",
    "Cancel",
    "Another model",
]


async def clip(walk: Walk) -> Screen:
    """Come to the quote of a clip."""
    await walk.say("/models")
    for label in ("Video · from 30", "Clip · from 30", "Create"):
        await walk.press(label)
    await walk.say("a fox")
    return await walk.press("6 s")


async def test_every_optional_input_is_shown_with_its_present_value(walk: Walk) -> None:
    """None must be touched: what is not set is left to the model."""
    assert list((await clip(walk)).buttons) == SETTINGS


async def test_settings_are_changed_by_button_and_by_message(walk: Walk) -> None:
    """A flag, words, a number, a photo, and a choice with a very long name; each comes back to the quote."""
    await clip(walk)
    await walk.press("Sound: No")
    await walk.press("Yes")
    await walk.press("What to avoid: not set")
    await walk.say("rain")
    await walk.press("Seed: not set")
    assert "here I need a number" in (await walk.say("many")).text
    await walk.say("77")
    await walk.press("Last frame: not set")
    await walk.say(**photo("end"))
    await walk.press("A very long name of an input: not set")
    quote = await walk.press("Examples to go by")
    assert [label for label in quote.buttons if "not set" in label] == ["Closeness to the description: not set"]
    found = json.loads(await walk.talk.house.bank.value("SELECT inputs FROM generation"))
    assert found["end_image_url"][0]["file"]["file_id"] == "end"
    assert {name: found[name] for name in ("sound", "negative_prompt", "seed", "a_very_long_name_of_an_input")} == {
        "sound": True,
        "negative_prompt": "rain",
        "seed": 77,
        "a_very_long_name_of_an_input": "REFERENCE_2_VIDEO",
    }


async def test_a_setting_can_be_given_back_to_the_model(walk: Walk) -> None:
    """Reset, where there is something to reset."""
    await clip(walk)
    await walk.press("Seed: not set")
    assert "Reset" not in walk.now.buttons
    await walk.say("77")
    await walk.press("Seed: 77")
    await walk.press("Reset")
    assert list(walk.now.buttons) == SETTINGS


async def test_back_changes_nothing_and_asks_nothing(walk: Walk) -> None:
    """Words are a new picture again."""
    await clip(walk)
    await walk.press("What to avoid: not set")
    await walk.press("Back")
    assert list(walk.now.buttons) == SETTINGS
    assert "Z-Image" in (await walk.say("a fox")).text


async def test_the_same_choice_again_comes_back_to_the_quote(walk: Walk) -> None:
    """Also when it changes nothing."""
    await clip(walk)
    await walk.press("Resolution: 768p")
    await walk.press("✓ 768p · 30")
    assert list(walk.now.buttons) == SETTINGS


async def test_nobody_pays_a_price_that_was_not_on_the_button(walk: Walk) -> None:
    """A press that comes with another price than the present one asks again, with the present one."""
    quote = await clip(walk)
    go = quote.buttons["Generate"]
    await walk.press("Length: 6 s")
    await walk.press("10 s · 50")
    await walk.send(go)
    assert walk.toast == "The price has changed. Please look at it, and press Generate once more."
    assert "Clip · 50 credits" in walk.now.text
    assert await walk.talk.balance() == Balance(300_000, 0)
    await walk.press("Generate")
    assert await walk.talk.balance() == Balance(250_000, 50_000)


async def test_a_price_that_rose_meanwhile_is_asked_about(walk: Walk) -> None:
    """Another catalogue within the ten minutes: the old price is not sold any more."""
    quote = await clip(walk)
    await walk.talk.house.bank.write("UPDATE generation SET price = 20000")
    await walk.send(quote.buttons["Generate"].replace(":30000", ":20000"))
    assert "price has changed" in str(walk.toast)
    assert await walk.talk.balance() == Balance(300_000, 0)


async def test_what_is_not_sold_any_more_is_withdrawn(walk: Walk) -> None:
    """Inputs that today's model does not take: told, nothing charged, no more buttons."""
    await clip(walk)
    await walk.talk.house.bank.write("""UPDATE generation SET inputs = '{"prompt": "a fox", "gone": 1}'""")
    screen = await walk.press("Generate")
    assert "not on offer any more" in screen.text
    assert screen.buttons == {}
    assert await walk.talk.house.state(walk.user) == "expired"


async def test_after_go_the_message_belongs_to_the_generation(walk: Walk) -> None:
    """What is begun next has a message of its own."""
    await clip(walk)
    await walk.press("Generate")
    assert "In the queue" in walk.now.text
    await walk.say("/models")
    assert [screen.text for screen in walk.screens.values()][-2].endswith("I start in a moment…")


@pytest.mark.parametrize("action", ["Repeat", "Same model", "All models"])
async def test_the_buttons_of_a_result(walk: Walk, action: str) -> None:
    """The same at today's price, the card, the menu: each in a message below the result."""
    await clip(walk)
    number = await walk.talk.house.bank.value("SELECT id FROM generation")
    rows = keyboard(texts.of("en"), walk.user, number, "acme/clip")
    await walk.press("Generate")
    count = len(walk.screens)
    await walk.send({label: data for row in rows for label, data in row}[action])
    assert len(walk.screens) == count + 1
    says = {
        "Repeat": "a fox\nClip · 30 credits",
        "Same model": "A clip from words",
        "All models": "What shall we",
    }
    assert says[action] in walk.now.text
    assert await walk.talk.balance() == Balance(270_000, 30_000)


async def test_nobody_repeats_what_another_one_asked_for(walk: Walk) -> None:
    """Neither by another's button nor by a forged one; what is deleted cannot be repeated."""
    await clip(walk)
    number = await walk.talk.house.bank.value("SELECT id FROM generation")
    (repeat, *_), *_ = keyboard(texts.of("en"), walk.user, number, "acme/clip")
    (forged, *_), *_ = keyboard(texts.of("en"), 777, number, "acme/clip")
    walk.user = 777
    assert "for the one who asked" in str(await walk.send(repeat[1]))
    assert "out of date" in str(await walk.send(forged[1]))
    walk.user = 501
    await walk.talk.house.bank.write("UPDATE generation SET inputs = '{}'")
    assert "I do not have this any more" in str(await walk.send(repeat[1]))


async def test_words_that_are_too_long_for_every_model_are_told_so(walk: Walk) -> None:
    """With the count; no quote is made."""
    screen = await walk.say("x" * 1001)
    assert screen.text.startswith("That is a rich description: 1001 characters. I can take up to 1000.")
    assert await walk.talk.house.bank.value("SELECT count(*) FROM generation") == 0
