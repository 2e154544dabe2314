"""Inline keyboards: Telegram's rules, and which button a person means."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.errors import ApiError
from bot.sandbox.keyboard import find_button, labels, parse_markup


def keyboard(*rows: list[str]) -> dict[str, Any]:
    """Return a keyboard of these labels."""
    return {"inline_keyboard": [[{"text": text, "callback_data": text} for text in row] for row in rows]}


def test_a_keyboard_is_kept_and_nothing_is_none() -> None:
    """As JSON text or as an object; empty rows go."""
    assert parse_markup('{"inline_keyboard": [[{"text": "a", "callback_data": "b"}], []]}') == {
        "inline_keyboard": [[{"text": "a", "callback_data": "b"}]]
    }
    nothings: list[object] = [None, "", "{}", {"inline_keyboard": []}, {"remove_keyboard": True}]
    assert [parse_markup(nothing) for nothing in nothings] == [None] * 5


@pytest.mark.parametrize(
    ("markup", "problem"),
    [
        ("{", "can't parse reply keyboard markup JSON object"),
        ("[]", "object expected as reply markup"),
        ({"inline_keyboard": ["x"]}, "Array of Arrays"),
        ({"inline_keyboard": [[{"text": "x"}]]}, "Text buttons are unallowed in the inline keyboard"),
        ({"inline_keyboard": [[{"callback_data": "x"}]]}, 'Can\'t find field "text"'),
        ({"inline_keyboard": [[{"text": " ", "callback_data": "x"}]]}, "must be non-empty"),
        ({"inline_keyboard": [[{"text": "x", "callback_data": "я" * 33}]]}, "BUTTON_DATA_INVALID"),
        ({"inline_keyboard": [[{"text": "x", "url": "javascript:alert(1)"}]]}, "is invalid"),
        ({"keyboard": [["x"]]}, "inline keyboards only"),
    ],
)
def test_a_bad_keyboard_is_refused(markup: object, problem: str) -> None:
    """callback_data is at most 64 bytes, every button does something."""
    with pytest.raises(ApiError) as caught:
        parse_markup(markup)
    assert problem in caught.value.description


def test_the_newest_message_with_the_exact_label_wins() -> None:
    """Then a label that contains it, if only one does."""
    markups = [(3, keyboard(["Generate · 0.8", "Cancel"])), (2, None), (1, keyboard(["Generate", "cancel all"]))]
    assert (find_button(markups, "Generate") or [None])[0] == 1
    assert (find_button(markups, "generate") or [None])[0] == 3
    assert (find_button(markups, "cancel") or [None])[0] == 3
    assert find_button(markups, "missing") is None
    assert find_button(markups, "") is None


def test_an_ambiguous_part_of_a_label_presses_nothing() -> None:
    """Better no button than the wrong one."""
    assert find_button([(1, keyboard(["4:3", "16:9", "9:16"]))], "16") is None
    assert labels(keyboard(["a"], ["b", "c"])) == ["a", "b", "c"]
