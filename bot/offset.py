"""What the next poll may confirm. Pure.

Telegram forgets every update below the offset that is asked for. In one answer the numbers grow, none is below the
offset asked for, and nothing that is kept lies between two entries. So n entries after the number N reach at least to
N + n: that much may be confirmed without reading their numbers, and an entry without one holds up nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LARGEST = 2**31 - 1
"""Telegram counts in 32 bits: a larger number is nobody's, and as an offset it would be ignored."""


@dataclass(frozen=True, slots=True)
class Offset:
    """What to ask for next; None confirms nothing. Unless it is `sure`, asking at once may bring the same again."""

    value: int | None
    sure: bool


def following(numbers: Sequence[int | None], asked: int | None) -> Offset:
    """Return the offset after entries that are all stored; a number is None where the entry has none to read."""
    known = [(place, n) for place, n in enumerate(numbers) if n is not None and 0 < n <= LARGEST]
    if not known:
        return Offset(None if asked is None else min(asked + len(numbers), LARGEST), sure=False)
    place, last = known[-1]
    beyond = min(last + len(numbers) - place, LARGEST)
    if beyond != asked:
        return Offset(beyond, sure=True)
    # It was asked for and ignored, so the last number is wrong: the first one leads on, entry by entry.
    return Offset(known[0][1] + 1, sure=False)
