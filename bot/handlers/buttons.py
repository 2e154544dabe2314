"""What the buttons of a quote carry: a version, an action, the generation, and what it is about.

    1:go:42:800    1:no:42    1:ask:42:duration    1:set:42:aspect_ratio:16:9    1:clear:42:seed    1:back:42    1:other:42

`go` carries the price that was shown: nobody pays one that was not on the button. Long names and values are codes.
Telegram keeps buttons for ever and anybody can press old ones, so what cannot be read is None, never an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Action = Literal["go", "no", "ask", "set", "clear", "back", "other"]

VERSION: Final = "1"
LONGEST_DATA: Final = 64
"""Bytes; Telegram's limit."""
LARGEST_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class Button:
    """One press: confirm at the price `value`, cancel, ask for an input, set it, clear it, go back, or another model."""

    action: Action
    generation_id: int
    field: str = ""
    value: str = ""


def data(button: Button) -> str:
    """Return the callback data; raise ValueError when Telegram would not take it."""
    parts = [VERSION, button.action, str(button.generation_id)]
    match button.action:
        case "set":
            parts += [button.field, button.value]
        case "ask" | "clear":
            parts.append(button.field)
        case "go":
            parts.append(button.value)
    written = ":".join(parts)
    if len(written.encode()) > LONGEST_DATA or parse(written) != button:
        raise ValueError(f"a button cannot carry {button.action} of {button.field!r}: too long, or with a colon")
    return written


def parse(written: str | None) -> Button | None:
    """Return what was pressed; None for what no present version wrote."""
    match (written or "").split(":", 4):
        case [version, *_] if version != VERSION:
            return None
        case [_, "go", number, price] if _is_id(number) and _is_number(price):
            return Button("go", int(number), value=price)
        case [_, "no" | "back" | "other" as action, number] if _is_id(number):
            return Button(action, int(number))
        case [_, "ask" | "clear" as action, number, field] if _is_id(number):
            return Button(action, int(number), field)
        case [_, "set", number, field, value] if _is_id(number):
            return Button("set", int(number), field, value)
        case _:
            return None


def _is_id(number: str) -> bool:
    return _is_number(number) and number[0] != "0"


def _is_number(number: str) -> bool:
    return number.isascii() and number.isdigit() and len(number) <= LARGEST_DIGITS
