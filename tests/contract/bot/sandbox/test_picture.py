"""Pictures: deterministic, of the right shape, of the right mood."""

from __future__ import annotations

import io
import random

import pytest
from PIL import Image

from bot.sandbox.palette import DESERT, NIGHT, WINTER, mix, palette_of
from bot.sandbox.picture import SIZES, draw
from bot.sandbox.writing import latin, wrap


@pytest.mark.parametrize("aspect_ratio", SIZES)
def test_a_picture_has_the_shape_that_was_asked_for(aspect_ratio: str) -> None:
    """Width to height is the ratio itself."""
    with Image.open(io.BytesIO(draw("a red fox in snow", aspect_ratio))) as image:
        across, down = map(int, aspect_ratio.split(":"))
        assert image.size == SIZES[aspect_ratio]
        assert image.width * down == image.height * across


def test_the_same_prompt_gives_the_same_picture_and_another_prompt_another() -> None:
    """Tests and people can rely on it."""
    first = draw("ночной лес", "1:1")
    assert draw("ночной лес", "1:1") == first
    assert draw("ночной лес и озеро", "1:1") != first


@pytest.mark.parametrize("prompt", ["", " ", "\x00\u202e", "😀" * 500, "x" * 1000, "a\nb\tc"])
def test_any_prompt_can_be_drawn(prompt: str) -> None:
    """Nothing a user may send breaks the drawing."""
    assert draw(prompt, "9:16").startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("prompt", "expected"), [("a city at night", NIGHT), ("лиса в снегу", WINTER), ("camel on a dune", DESERT)]
)
def test_the_words_choose_the_mood(prompt: str, expected: object) -> None:
    """In English and in Russian."""
    palette = palette_of(prompt, random.Random(1))
    assert palette.sky[0] == expected.sky[0]  # type: ignore[attr-defined]  # a Palette


def test_cyrillic_is_written_in_latin_letters_where_no_font_has_it() -> None:
    """A fresh machine has only Pillow's own font."""
    assert latin("Рыжая лиса, ёж и щука") == "Ryzhaya lisa, ezh i shchuka"
    assert latin("東京 fox") == " fox"


def test_lines_are_wrapped_and_cut_with_an_ellipsis() -> None:
    """Never more lines than asked for."""
    lines = wrap(["one", "two", "three", "four", "five", "six"], lambda line: len(line) <= 9, 2)
    assert lines == ["one two", "three …"]
    assert wrap([], lambda _: True, 2) == []


def test_colours_mix() -> None:
    """Half way is half way."""
    assert mix((0, 0, 0), (100, 200, 50), 0.5) == (50, 100, 25)
