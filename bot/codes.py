"""Names in 64 bytes: a button carries a name itself while it is short, else a code made of it.

A code says the same in every release, whatever else is in the catalogue by then; a name that is gone is not found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

MODEL_BYTES: Final = 8
NAME_BYTES: Final = 16
"""Of an input's name, and of a value."""
MARK: Final = "~"


def code(name: str, room: int = NAME_BYTES) -> str:
    """Return what stands for the name in at most `room` bytes."""
    if len(name.encode()) <= room and not name.startswith(MARK):
        return name
    return MARK + hashlib.sha256(name.encode()).hexdigest()[: room - 1]


def find(written: str, names: Iterable[str], room: int = NAME_BYTES) -> str | None:
    """Return the one of the names that `written` stands for; None when none of them does."""
    return next((name for name in names if code(name, room) == written), None)
