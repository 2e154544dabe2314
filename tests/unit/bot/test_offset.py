"""What a poll confirms."""

from __future__ import annotations

import pytest

from bot.offset import LARGEST, Offset, following


@pytest.mark.parametrize(
    ("numbers", "asked", "expected"),
    [
        ([7, 8, 9], None, Offset(10, sure=True)),
        ([7, 8, 9], 7, Offset(10, sure=True)),
        ([7, None, 9], 7, Offset(10, sure=True)),
        ([7, 8, None], 7, Offset(10, sure=True)),
        ([None, None, 9], None, Offset(10, sure=True)),
        ([7, LARGEST + 1], 7, Offset(9, sure=True)),
        ([7, 2**62], 7, Offset(9, sure=True)),
        ([7, -5, 0], 7, Offset(10, sure=True)),
        ([LARGEST], 7, Offset(LARGEST, sure=True)),
        # Nothing to go by: one further for each, and not at full speed.
        ([None, None], 7, Offset(9, sure=False)),
        ([None, None], None, Offset(None, sure=False)),
        # Numbers begin anew after a quiet week: the answer decides, not what was asked.
        ([50, 51], 1000, Offset(52, sure=True)),
        # The last number was a lie: it was asked for and ignored.
        ([7, 8, 2_000_000_000], 2_000_000_001, Offset(8, sure=False)),
        ([8, 2_000_000_000, 10], 8, Offset(11, sure=True)),
    ],
)
def test_the_next_offset(numbers: list[int | None], asked: int | None, expected: Offset) -> None:
    """Past everything that was stored, and past nothing else."""
    assert following(numbers, asked) == expected
