"""Files that are not what was told of them: nothing is ordered, nothing charged; and what the operator is told."""

from __future__ import annotations

import dataclasses
import io
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from bot import accounts
from bot.catalogue import File
from bot.sandbox.testing import until
from telemetry import events, testing
from tests.integration.bot.generation.orders import order, send_picture, send_sound

if TYPE_CHECKING:
    from tests.integration.bot.conftest import House

CHAT = 801


async def _refused(house: House, detail: str, words: str) -> None:
    await house.reaches("released", CHAT)
    found = await house.bank.pool.fetchrow("SELECT failure_class, failure_text, cost, uploads FROM generation")
    assert tuple(found) == ("user", detail, None, None)

    async def is_told() -> bool:
        return any(
            words in each["text"] and "Nothing was charged" in each["text"] for each in await house.messages(CHAT)
        )

    await until(is_told, f"a message says {words!r}")
    assert await house.sandbox.tasks() == []
    assert list((house.home / "files").iterdir()) == []
    assert (await accounts.balance(house.bank.pool, CHAT)).held == 0


@pytest.mark.parametrize("told", [1, 100])
async def test_a_sound_longer_than_telegram_was_told_is_not_made_for_less(house: House, told: int) -> None:
    """Its sender says how long it lasts; the file says something else."""
    async with house.open():
        await house.write("/start", CHAT)
        sound = dataclasses.replace(await send_sound(house, CHAT, seconds=590), seconds=told)
        await order(house, CHAT, "elevenlabs/audio-isolation", audio_url=(sound,))
        await _refused(house, "file_longer audio_url 590", "lasts 590 s")


async def test_a_sound_that_is_as_long_as_told_is_made_and_charged(house: House) -> None:
    """The price is what the provider takes."""
    async with house.open():
        await house.write("/start", CHAT)
        with testing.record() as recorded:
            await order(
                house, CHAT, "elevenlabs/audio-isolation", audio_url=(await send_sound(house, CHAT, seconds=59),)
            )
            await house.reaches("charged", CHAT)
    assert await house.bank.value("SELECT cost <= price * 5 FROM generation")
    assert recorded.all(events.GenerationUnderpriced) == []


@pytest.mark.parametrize("sides", [(8000, 7000), (2048, 2049)])
async def test_a_picture_sent_as_a_document_is_held_to_the_limit(house: House, sides: tuple[int, int]) -> None:
    """Telegram tells no size of it: the file does."""
    content = io.BytesIO()
    Image.new("RGB", sides).save(content, "PNG")
    async with house.open():
        await house.write("/start", CHAT)
        (message,) = await house.sandbox.attach([("big.png", content.getvalue())], CHAT, kind="document")
        told = message["message"]["document"]
        big = File(told["file_id"], "image", size=told["file_size"], mime=told["mime_type"])
        await order(house, CHAT, "topaz/image-upscale", image_url=(big,), upscale_factor="1")
        await _refused(house, f"file_too_many_pixels image_url {sides[0] * sides[1]}", "the most is 4 megapixels")


async def test_a_picture_within_the_limit_is_made_also_when_sent_as_a_document(house: House) -> None:
    """Nothing need be known of it before."""
    async with house.open():
        await house.write("/start", CHAT)
        file = await send_picture(house, CHAT)
        await order(house, CHAT, "topaz/image-upscale", image_url=(file,), upscale_factor="1")
        await house.reaches("charged", CHAT)


async def test_what_cannot_be_measured_is_not_made_where_it_must_be(house: House) -> None:
    """A sound of a form that nobody here can read."""
    async with house.open():
        await house.write("/start", CHAT)
        (message,) = await house.sandbox.attach([("talk.wav", b"fLaC" + bytes(4000))], CHAT, kind="document")
        told = message["message"]["document"]
        sound = File(told["file_id"], "audio", size=told["file_size"], mime="audio/wav", seconds=3)
        await order(house, CHAT, "elevenlabs/audio-isolation", audio_url=(sound,))
        await _refused(house, "file_unmeasured audio_url", "cannot find out how long")


@pytest.mark.parametrize("is_free", [True, False])
async def test_the_operator_is_told_when_the_provider_takes_more_than_was_quoted(house: House, is_free: bool) -> None:
    """Of what is free as well: what it would have cost counts. The user pays what was quoted."""
    real = house.catalogue.models["z-image"]
    stale = real.model_copy(update={"price": real.price.model_copy(update={"credits": Decimal("0.7")})})
    house.catalogue = dataclasses.replace(house.catalogue, models={**house.catalogue.models, "z-image": stale})
    with testing.record() as recorded:
        async with house.open():
            await house.write("/start", CHAT)
            made = await order(house, CHAT, "z-image", is_free=is_free, prompt="a fox", aspect_ratio="1:1")
            await house.reaches("charged", CHAT)
    (told,) = recorded.all(events.GenerationUnderpriced)
    assert told == events.GenerationUnderpriced(generation_id=made, model="z-image", quoted="0.7", credits="0.8")
    assert await house.bank.value("SELECT price FROM generation") == (0 if is_free else 700)
