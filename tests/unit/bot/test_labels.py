"""Numbers with their nouns, and what values are called."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot import texts
from bot.catalogue import File, Value
from bot.texts import labels

EN, RU = texts.of("en"), texts.of("ru")


@pytest.mark.parametrize(
    ("number", "english", "russian", "limit"),
    [
        (1, "1 photo", "1 фотография", "до 1 фотографии"),
        (2, "2 photos", "2 фотографии", "до 2 фотографий"),
        (5, "5 photos", "5 фотографий", "до 5 фотографий"),
        (11, "11 photos", "11 фотографий", "до 11 фотографий"),
        (21, "21 photos", "21 фотография", "до 21 фотографии"),
        (112, "112 photos", "112 фотографий", "до 112 фотографий"),
    ],
)
def test_a_number_and_its_noun_agree(number: int, english: str, russian: str, limit: str) -> None:
    """Also in the genitive, in which a limit stands in Russian."""
    assert EN.inputs.count("photo", number) == english
    assert RU.inputs.count("photo", number) == russian
    assert RU.inputs.at_most("photo", number) == limit
    assert EN.inputs.at_most("photo", number) == f"up to {english}"


@pytest.mark.parametrize(
    ("name", "value", "english", "russian"),
    [
        ("sound", True, "Yes", "Да"),
        ("duration", "10", "10 s", "10 с"),
        ("duration", 10, "10 s", "10 с"),
        ("seed", 10, "10", "10"),
        ("cfg_scale", Decimal("0.50"), "0.5", "0,5"),
        ("image_size", "portrait_16_9", "Upright 9:16", "Вертикальный 9:16"),
        ("resolution", "1080p", "1080p", "1080p"),
        ("audio_url", (File("a", "audio"),) * 2, "2 recordings", "2 записи"),
        ("prompt", "x" * 61, "x" * 59 + "…", "x" * 59 + "…"),
    ],
)
def test_a_value_is_told_in_the_language(name: str, value: Value, english: str, russian: str) -> None:
    """As a person would say it, and never so long that it hides the rest."""
    assert labels.value(EN, name, value) == english
    assert labels.value(RU, name, value) == russian


def test_an_input_that_nobody_named_is_still_readable() -> None:
    """Adding a model is one entry and no code."""
    assert labels.field(RU, "some_new_input") == "Some new input"
