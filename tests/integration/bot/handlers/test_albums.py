"""Photos with words, albums, and files that nobody asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from bot.catalogue import Catalogue
from tests.integration.bot.handlers.walk import document, photo, video, voice

if TYPE_CHECKING:
    from tests.integration.bot.handlers.conftest import Talk
    from tests.integration.bot.handlers.walk import Walk


async def files(walk: Walk) -> list[str]:
    """Return the photos of the newest quote."""
    given = json.loads(await walk.talk.house.bank.value("SELECT inputs FROM generation ORDER BY id DESC LIMIT 1"))
    return [each["file"]["file_id"] for each in given["image_urls"]]


async def test_a_photo_with_a_caption_is_an_edit(walk: Walk) -> None:
    """Quoted at once; nothing is held before that is confirmed."""
    quote = await walk.say(**photo(), caption="make it <i>night</i>")
    assert quote.text.startswith("make it <i>night</i>\nPhotos: 1 photo\nNano Banana Edit · 4 credits")
    assert await files(walk) == ["photo-1"]
    assert (await walk.talk.balance()).held == 0


async def test_a_photo_without_words_is_asked_about(walk: Walk) -> None:
    """And the words that follow are its own."""
    assert "Description\nWrite it in a message" in (await walk.say(**photo())).text
    assert "Nano Banana Edit · 4 credits" in (await walk.say("make it night")).text


async def test_an_album_is_one_edit_in_one_message(walk: Walk) -> None:
    """Its photos come as updates of their own; what does not fit is left out in silence."""
    await walk.say(**photo("a"), caption="make it night", media_group_id="g")
    for name in "bcd":
        await walk.say(**photo(name), media_group_id="g")
    assert await files(walk) == ["a", "b", "c"]
    assert await walk.talk.house.bank.value("SELECT count(*) FROM generation") == 1
    assert len(walk.screens) == 1
    assert "Photos: 3 photos" in walk.now.text


async def test_words_under_a_later_photo_of_an_album_count(walk: Walk) -> None:
    """Telegram lets people write under any of them."""
    await walk.say(**photo("a"), media_group_id="g")
    await walk.say(**photo("b"), media_group_id="g", caption="make it night")
    assert walk.now.text.startswith("make it night\nPhotos: 2 photos")


async def test_a_photo_of_an_album_that_does_not_fit_is_left_out(walk: Walk) -> None:
    """The others count."""
    await walk.say(**photo("a"), caption="make it night", media_group_id="g")
    await walk.say(**photo("b", size=11_000_000), media_group_id="g")
    await walk.say(**photo("c"), media_group_id="g")
    assert await files(walk) == ["a", "c"]


async def begin_edit(walk: Walk, prompt: str = "make it night") -> None:
    """Choose the model by hand and answer its first question."""
    await walk.say("/models")
    await walk.press("Edit a photo · from 4")
    await walk.press("Nano Banana Edit · 4")
    await walk.press("Create")
    await walk.say(prompt)


async def test_several_photos_are_collected_until_done(walk: Walk) -> None:
    """One by one or together; Done is there once there are enough."""
    await begin_edit(walk)
    assert "Send up to 3 photos, one by one or as an album." in walk.now.text
    assert list(walk.now.buttons) == ["Cancel"]
    first = await walk.say(**photo("a"))
    assert "1 photo received. Send more, or press Done." in first.text
    assert list(first.buttons) == ["Done", "Cancel"]
    await walk.say(**photo("b"), media_group_id="g")
    count = len(walk.screens)
    await walk.press("Done")
    assert len(walk.screens) == count
    assert await files(walk) == ["a", "b"]
    assert "out of date" in str(await walk.send(first.buttons["Done"]))


async def test_the_last_photo_that_fits_goes_on_by_itself(walk: Walk) -> None:
    """There is nothing to wait for."""
    await begin_edit(walk)
    for name in "abcd":
        await walk.say(**photo(name), media_group_id="g")
    assert await files(walk) == ["a", "b", "c"]
    assert "Nano Banana Edit · 4 credits" in walk.now.text


async def test_a_bad_file_among_good_ones_costs_none_of_them(walk: Walk) -> None:
    """It is told, the others stay."""
    await begin_edit(walk)
    await walk.say(**photo("a"), media_group_id="g")
    refused = await walk.say(**document("image/gif"), media_group_id="g")
    assert "Photos: this file is GIF" in refused.text
    assert "1 photo received" in refused.text
    await walk.say(**photo("c"), media_group_id="g")
    await walk.press("Done")
    assert await files(walk) == ["a", "c"]


async def test_an_album_where_words_are_wanted_is_refused_once(walk: Walk) -> None:
    """Ten photos are not ten answers."""
    await walk.say("/models")
    await walk.press("Video · from 30")
    await walk.press("Clip · from 30")
    await walk.press("Create")
    count = len(walk.screens)
    for name in "abc":
        await walk.say(**photo(name), media_group_id="g")
    assert len(walk.screens) == count + 1
    assert "Length" in (await walk.say("a fox")).text


@pytest.mark.parametrize("content", [voice(), video(), document("audio/mpeg"), document(None, file_name="a.mp4")])
async def test_other_files_lead_to_the_menu(walk: Walk, content: dict[str, Any]) -> None:
    """What to do with them is the person's choice."""
    screen = await walk.say(**content)
    assert screen.text.startswith("What shall I do with that?")
    assert "Enhance · from 2" in screen.buttons


async def test_a_photo_that_is_too_large_is_told_so(walk: Walk) -> None:
    """Its words are not lost on a picture of words."""
    screen = await walk.say(**photo(size=10_000_001), caption="make it night")
    assert "Photos: this file is 10.1 MB, and the most is 10 MB." in screen.text


async def test_without_a_model_that_edits_a_photo_leads_to_the_menu(mute: Talk) -> None:
    """Nothing is taken for what it cannot do."""
    from tests.integration.bot.handlers.walk import Walk

    house = mute.house
    house.catalogue = Catalogue({"z-image": house.catalogue.models["z-image"]})
    async with house.open("telegram"):
        assert (await Walk(mute).say(**photo())).text.startswith("What shall I do with that?")
