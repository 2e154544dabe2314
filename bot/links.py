"""What every button but a quote's carries: a version, whom it was made for, an action and what it is about.

    2:6ybk3:card:z-image    2:6ybk3:v:~1f0c2ab:duration:10

Whom it was made for is in the button itself: in a group others see it too, and it outlives every message kept here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VERSION: Final = "2"
LONGEST_DATA: Final = 64
"""Bytes; Telegram's limit."""
MOST_ARGUMENTS: Final = 3
DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
LONGEST_ID: Final = 12
"""Digits of base 36: more than any id of Telegram's needs."""


@dataclass(frozen=True, slots=True)
class Link:
    """A button of `owner`'s; only the last of its arguments may have colons."""

    owner: int
    action: str
    arguments: tuple[str, ...] = ()


def data(link: Link) -> str:
    """Return the callback data; raise ValueError when Telegram would not take it, or it would not read back."""
    written = ":".join((VERSION, _digits(link.owner), link.action, *link.arguments))
    if len(written.encode()) > LONGEST_DATA or parse(written) != link:
        raise ValueError(f"a button cannot carry {link.action} of {link.arguments}: too long, or with a colon")
    return written


def parse(written: str | None) -> Link | None:
    """Return what was pressed; None for what no present version wrote."""
    match (written or "").split(":", 2 + MOST_ARGUMENTS):
        case [version, owner, action, *arguments] if version == VERSION and action and _is_id(owner):
            return Link(int(owner, 36), action, tuple(arguments))
        case _:
            return None


def _is_id(owner: str) -> bool:
    return 0 < len(owner) <= LONGEST_ID and owner[0] != "0" and all(each in DIGITS for each in owner)


def _digits(number: int) -> str:
    written = ""
    while number > 0:
        number, digit = divmod(number, len(DIGITS))
        written = DIGITS[digit] + written
    return written
