"""Repeats: the first through, then totals."""

from __future__ import annotations

from telemetry.repeats import Repeats


def test_the_first_goes_through_and_then_one_with_the_total_per_interval() -> None:
    """Ten occurrences in ten seconds at an interval of four: lines at 0, 4 and 8."""
    repeats = Repeats()
    answers = [repeats.seen("lost", float(second), 4.0) for second in range(10)]
    assert answers == [0, None, None, None, 3, None, None, None, 3, None]


def test_series_are_apart() -> None:
    """One noisy thing does not silence another."""
    repeats = Repeats()
    assert repeats.seen("a", 0.0, 60.0) == 0
    assert repeats.seen("b", 0.0, 60.0) == 0
    assert repeats.seen("a", 1.0, 60.0) is None


def test_memory_is_bounded() -> None:
    """The oldest series is forgotten first."""
    repeats = Repeats(most_keys=3)
    for key in range(100):
        repeats.seen(key, float(key), 600.0)
    assert repeats.seen(99, 99.0, 600.0) is None
    assert repeats.seen(0, 99.0, 600.0) == 0
