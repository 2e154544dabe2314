"""Short codes for long names."""

from __future__ import annotations

import pytest

from bot.codes import MODEL_BYTES, NAME_BYTES, code, find

NAMES = ("16:9", "aspect_ratio", "FIRST_AND_LAST_FRAMES_2_VIDEO", "~tilde", "Ж" * 9)


@pytest.mark.parametrize("room", [MODEL_BYTES, NAME_BYTES])
@pytest.mark.parametrize("name", NAMES)
def test_a_code_fits_and_finds_its_name(name: str, room: int) -> None:
    """Whatever the name is."""
    assert len(code(name, room).encode()) <= room
    assert find(code(name, room), NAMES, room) == name


def test_a_short_name_stands_for_itself_and_a_long_one_for_the_same_code_in_every_release() -> None:
    """These are in chats for ever: another way to make them would kill every old button."""
    assert code("z-image", MODEL_BYTES) == "z-image"
    assert code("google/nano-banana-edit", MODEL_BYTES) == "~839de9c"
    assert code("FIRST_AND_LAST_FRAMES_2_VIDEO") == "~f6e9eedf0d196d1"


def test_a_name_that_is_gone_is_not_found() -> None:
    """Nor is one that nobody ever had."""
    assert find(code("FIRST_AND_LAST_FRAMES_2_VIDEO"), ("16:9",)) is None
    assert find("", NAMES) is None
