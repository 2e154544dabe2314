"""Summarising loses no occurrence and never floods."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from telemetry.repeats import Repeats

GAPS = st.lists(st.floats(min_value=0.0, max_value=20.0), max_size=200)


@given(gaps=GAPS, interval=st.floats(min_value=0.1, max_value=60.0))
def test_lines_and_totals_add_up_to_what_happened(gaps: list[float], interval: float) -> None:
    """Every occurrence is a line, in a line's total, or still held back at the end."""
    repeats, now = Repeats(), 0.0
    lines: list[float] = []
    told = held_back = 0
    for gap in gaps:
        now += gap
        answer = repeats.seen("key", now, interval)
        if answer is None:
            held_back += 1
        else:
            assert answer == held_back
            told, held_back = told + 1 + answer, 0
            lines.append(now)
    assert told + held_back == len(gaps)
    assert all(later - earlier >= interval for earlier, later in pairwise(lines))
