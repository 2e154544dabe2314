"""From one model to another: what was said and sent goes along where it fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.bot.handlers.test_inputs import begin, inputs
from tests.integration.bot.handlers.walk import photo, voice

if TYPE_CHECKING:
    from tests.integration.bot.handlers.walk import Walk

STATES = "SELECT array_agg(state ORDER BY id) FROM generation"


async def test_the_words_of_a_quote_go_to_another_model(walk: Walk) -> None:
    """In the same message: the quote ends, its category is shown, and the chosen model asks for what it lacks only."""
    await walk.say("a fox in snow")
    page = await walk.press("Another model")
    assert list(page.buttons) == ["Z-Image · 0.8", "Back"]
    await walk.press("Back")
    await walk.press("Video · from 30")
    await walk.press("Clip · from 30")
    asked = await walk.press("Create")
    assert "Description: a fox in snow\n" in asked.text
    quote = await walk.press("6 s")
    assert quote.text.startswith("a fox in snow\nClip · 30 credits")
    assert len(walk.screens) == 1
    assert await walk.talk.house.bank.value(STATES) == ["expired", "quoted"]
    assert await walk.talk.house.bank.value("SELECT count(*) FROM generation_route") == 1, "the second one was chosen"


async def test_files_go_where_they_are_needed_and_only_as_many_as_fit(walk: Walk) -> None:
    """Two photos of an edit: a talking head takes the first; its own voice and words are asked for, or known."""
    await walk.say(**photo("one"), caption="make it night")
    await walk.press("Another model")
    await walk.press("Nano Banana Edit · 4")
    again = await walk.press("Create")
    assert again.text.startswith("make it night\nPhotos: 1 photo\nNano Banana Edit"), "the same model has it still"
    await begin(walk, "Edit", "Nano Banana Edit")
    await walk.say(**photo("one"))
    await walk.say(**photo("two"))
    asked = await begin(walk, "Animate", "Talking Head")
    assert "Photo: 1 photo\n" in asked.text
    await walk.say(**voice())
    await walk.say("Good morning")
    assert [file["file"]["file_id"] for file in (await inputs(walk))["image_url"]] == ["one"]


async def test_what_does_not_fit_is_asked_for(walk: Walk) -> None:
    """Words that are too long, a photo that is too large, a text to be spoken: none of them goes along."""
    await walk.say("x" * 501)
    assert "Description: " not in (await begin(walk, "Video", "Clip")).text
    await begin(walk, "Music", "Voice")
    await walk.say("Good morning")
    assert "Good morning" not in (await begin(walk, "Video", "Clip")).text
    await walk.say(**photo(width=4000, height=3000), caption="make it night")
    assert "Photo: 1 photo" not in (await begin(walk, "Enhance", "Sharp")).text


async def test_after_cancel_and_for_the_same_model_one_begins_anew(walk: Walk) -> None:
    """Nobody is followed by words that were given up, or that have their quote already."""
    await begin(walk, "Video", "Clip")
    await walk.say("a fox")
    await walk.press("6 s")
    assert "Description: " not in (await begin(walk, "Video", "Clip")).text
    await walk.say("a wolf")
    await walk.press("Cancel")
    assert (await begin(walk, "Edit", "Nano Banana Edit")).text.startswith("Nano Banana Edit\n\nDescription")


async def test_a_quote_that_is_made_takes_its_words_with_it(walk: Walk) -> None:
    """Also when the menu was opened in between."""
    await walk.say("a fox")
    quote = walk.now
    await walk.say("/models")
    await walk.send(quote.buttons["Generate"])
    assert "a fox" not in (await begin(walk, "Video", "Clip")).text
