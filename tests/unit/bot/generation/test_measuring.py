"""What a file really is, against what its price was told from and what its model takes."""

from __future__ import annotations

import pytest

from bot.accounts import Language
from bot.catalogue import File, Model, Value, check, load
from bot.generation import measuring
from bot.generation.progress import reason
from bot.probe import Measures
from tests.unit.bot.generation.test_progress import row

MODELS = load().models
ISOLATION, NOTES = MODELS["elevenlabs/audio-isolation"], MODELS["elevenlabs/speech-to-text"]
UPSCALE = MODELS["topaz/image-upscale"]
FOUR = 4 * 1024 * 1024


def said(model: Model, seconds: int, found: Measures) -> str | None:
    """Return the objection to a sound that Telegram told so many seconds of."""
    inputs = check(model, {"audio_url": (File("sound", "audio", seconds=seconds),)})
    return measuring.objection(model, inputs, "audio_url", found)


@pytest.mark.parametrize(
    ("model", "told", "lasts", "expected"),
    [
        (ISOLATION, 590, 590.0, None),
        (ISOLATION, 10, 10.99, None),
        (ISOLATION, 10, 11.2, None),
        (ISOLATION, 10, 11.3, "file_longer audio_url 12"),
        (ISOLATION, 10, 3.0, None),
        (ISOLATION, 1, 0.2, None),
        (ISOLATION, 1, 590.0, "file_longer audio_url 590"),
        (ISOLATION, 600, 600.9, None),
        (ISOLATION, 600, 601.5, "file_too_long audio_url 602"),
        (ISOLATION, 1, 0.0, "file_unmeasured audio_url"),
        (NOTES, 1, 59.0, None),
        (NOTES, 60, 61.0, None),
        (NOTES, 60, 62.0, "file_longer audio_url 62"),
    ],
)
def test_a_sound_that_would_cost_more_than_was_told_is_refused(
    model: Model, told: int, lasts: float, expected: str | None
) -> None:
    """The rest of a second is given to the sender, since Telegram tells none; a started minute is paid for anyway."""
    assert said(model, told, Measures(lasts)) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Measures(0.0, 2048, 2048), None),
        (Measures(0.0, 2048, 2049), f"file_too_many_pixels image_url {2048 * 2049}"),
        (Measures(), "file_unmeasured image_url"),
        (Measures(9.0), "file_unmeasured image_url"),
    ],
)
@pytest.mark.parametrize("file", [File("doc", "image"), File("photo", "image", width=10, height=10)])
def test_a_picture_is_held_to_the_limit_whatever_telegram_told(
    file: File, found: Measures, expected: str | None
) -> None:
    """Also of a document, of which it tells nothing."""
    inputs = check(UPSCALE, {"image_url": (file,)})
    assert measuring.objection(UPSCALE, inputs, "image_url", found) == expected


def test_a_picture_that_is_paid_for_by_its_size_is_paid_for_as_it_is() -> None:
    """A larger one than was told is refused; as many started megapixels are not."""
    model = UPSCALE.model_validate(
        UPSCALE.model_dump()
        | {"price": {"rule": "per_megapixel", "of": "image_url", "rate": {"rule": "flat", "credits": 1}}}
    )
    inputs = check(model, {"image_url": (File("photo", "image", width=1024, height=1000),)})
    assert measuring.objection(model, inputs, "image_url", Measures(0.0, 1024, 1024)) is None
    found = measuring.objection(model, inputs, "image_url", Measures(0.0, 1024, 1025))
    assert found == f"file_larger image_url {1024 * 1025}"


def test_what_has_no_limit_is_not_measured() -> None:
    """Nothing depends on it."""
    model = MODELS["google/nano-banana-edit"]
    inputs: dict[str, Value] = {"prompt": "x", "image_urls": (File("doc", "image"),)}
    assert not model.media["image_urls"].is_measured
    assert measuring.objection(model, inputs, "image_urls", Measures()) is None
    assert measuring.objection(model, inputs, "prompt", Measures()) is None


@pytest.mark.parametrize(
    ("model", "detail", "language", "words"),
    [
        (ISOLATION, "file_longer audio_url 590", "en", "lasts 590 s, longer than Telegram said"),
        (ISOLATION, "file_longer audio_url 590", "ru", "длится 590 с, дольше, чем сказал Telegram"),
        (ISOLATION, "file_too_long audio_url 602", "en", "lasts 602 s, and the most is 10 min"),
        (ISOLATION, "file_unmeasured audio_url", "en", "cannot find out how long"),
        (UPSCALE, "file_too_many_pixels image_url 56000000", "en", "the most is 4 megapixels"),
        (UPSCALE, "file_larger image_url 56000000", "ru", "больше, чем сказал Telegram"),
    ],
)
def test_the_words_name_the_field_and_what_was_found(model: Model, detail: str, language: Language, words: str) -> None:
    """Plainly, and what to do."""
    found = reason(row("user", detail, language), model)
    assert words in found
    assert found.startswith("<b>")
    assert "{" not in found
    assert reason(row("user", detail, language), None)


@pytest.mark.parametrize("told", [0, -5])
def test_what_telegram_tells_as_nothing_is_not_known(told: int) -> None:
    """A price depends on none of it."""
    assert File("f", "audio", told, None, told, told, told) == File("f", "audio")
    with pytest.raises(ValueError, match="unmeasured"):
        check(ISOLATION, {"audio_url": (File("f", "audio", seconds=told),)})
