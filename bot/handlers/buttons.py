"""What the buttons under a message carry: a version, an action, the generation, and for a choice its field and value.

    1:go:42    1:no:42    1:set:42:aspect_ratio:16:9

Telegram keeps buttons for ever and anybody can press old ones, so what cannot be read is None, never an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Action = Literal["go", "no", "set"]

VERSION: Final = "1"
LONGEST_DATA: Final = 64
"""Bytes; Telegram's limit."""
LARGEST_ID_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class Button:
    """One press: confirm, cancel, or choose a value for an input."""

    action: Action
    generation_id: int
    field: str = ""
    value: str = ""


def data(button: Button) -> str:
    """Return the callback data; raise ValueError when Telegram would not take it."""
    parts = [VERSION, button.action, str(button.generation_id)]
    if button.action == "set":
        parts += [button.field, button.value]
    written = ":".join(parts)
    if len(written.encode()) > LONGEST_DATA or parse(written) != button:
        raise ValueError(f"a button cannot carry {button.action} of {button.field!r}: too long, or with a colon")
    return written


def parse(written: str | None) -> Button | None:
    """Return what was pressed; None for what no present version wrote."""
    match (written or "").split(":", 4):
        case [version, "go" | "no" as action, number] if version == VERSION and _is_id(number):
            return Button(action, int(number))
        case [version, "set", number, field, value] if version == VERSION and _is_id(number):
            return Button("set", int(number), field, value)
        case _:
            return None


def _is_id(number: str) -> bool:
    return number.isascii() and number.isdigit() and number[0] != "0" and len(number) <= LARGEST_ID_DIGITS
