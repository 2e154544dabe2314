"""What a command prints: plain lines for people, one JSON document for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

HOME = "\x1b[H\x1b[J"
"""Clears a terminal for the next look of `--watch`."""


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def say_json(found: Any, *, indent: int | None = 2) -> None:
    """Print a value as JSON; times in ISO 8601."""
    say(json.dumps(found, indent=indent, default=_plain, ensure_ascii=False))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the rows as lines whose columns stand under each other."""
    cells = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def clock_time(at: datetime) -> str:
    """Return a time as people read it: UTC, to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def printable(text: str) -> str:
    """Return text from outside as one line that a terminal only shows: control characters are written as escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
