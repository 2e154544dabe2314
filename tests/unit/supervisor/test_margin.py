"""Margin: the least slack of the last minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervisor.margin import WINDOW_SECONDS, Margin


def test_a_narrow_escape_is_remembered_for_a_minute() -> None:
    """A scrape every 15 s has to see it, and a calm hour must not be overshadowed by it."""
    margin = Margin()
    assert margin.note(5.0, 0.0) == 5.0
    assert margin.note(0.4, 2.0) == 0.4
    assert margin.note(5.0, 4.0) == 0.4
    assert margin.note(4.8, 61.9) == 0.4
    assert margin.note(4.9, 62.0) == 4.8


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 10)), min_size=1))
def test_it_is_the_least_of_what_lies_within_the_window(beats: list[tuple[float, float]]) -> None:
    """Whatever the rhythm of the heartbeats."""
    margin, now, noted = Margin(), 0.0, []
    for gap, slack in beats:
        now += gap
        noted.append((now, slack))
        assert margin.note(slack, now) == min(s for at, s in noted if at > now - WINDOW_SECONDS)
