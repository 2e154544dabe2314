"""The pause before something is tried again."""

from __future__ import annotations

import pytest

from bot.pause import pause


@pytest.mark.parametrize(("failures", "expected"), [(0, 1.0), (1, 1.0), (2, 2.0), (4, 8.0), (5, 10.0), (10_000, 10.0)])
def test_pauses_double_up_to_the_cap(failures: int, expected: float) -> None:
    """Whatever the number of failures, the pause is finite."""
    assert pause(failures, 1.0, base=1.0, cap=10.0) == expected
    assert pause(failures, 0.0, base=1.0, cap=10.0) == expected / 2
