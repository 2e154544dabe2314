"""What a fault is, and how the values of faults are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

ON = frozenset({"on", "yes", "true", "1"})

Value = float | int | str | bool | None
Parse = Callable[[str], Value]


@dataclass(frozen=True, slots=True)
class Fault:
    """One knob: what it does, what it takes, and its value when nobody touched it."""

    name: str
    meaning: str
    accepts: str
    parse: Parse
    default: Value = None


def seconds(text: str) -> float:
    """Read seconds, up to a day."""
    value = float(text)
    if not 0 <= value <= 86_400:  # noqa: PLR2004 - a day
        raise ValueError(text)
    return value


def integer(low: int, high: int) -> Parse:
    """Return a reader of whole numbers within these bounds."""

    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return parse


def one_of(*codes: int) -> Parse:
    """Return a reader of one of these numbers."""

    def parse(text: str) -> int:
        if int(text) not in codes:
            raise ValueError(text)
        return int(text)

    return parse


def switch(text: str) -> bool:
    """Read the word for on."""
    if text.lower() not in ON:
        raise ValueError(text)
    return True


def words(text: str) -> str:
    """Read words, by comma."""
    return ",".join(part.strip() for part in text.split(",") if part.strip())


def ids(text: str) -> str:
    """Read ids, by comma."""
    return ",".join(str(int(part)) for part in text.split(","))


def word(*words: str) -> Parse:
    """Return a reader of one of these words."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(text)
        return text.lower()

    return parse


STATUS, STATUS_TEXT = integer(400, 599), "an HTTP status, 400-599"
SECONDS_TEXT = "seconds, 0-86400"
