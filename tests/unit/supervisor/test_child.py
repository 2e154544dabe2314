"""Backoff is a value: capped, jittered, forgotten after a healthy run."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from supervisor.child import Backoff


@given(st.integers(1, 10_000), st.integers())
def test_a_delay_lies_between_half_its_ceiling_and_the_ceiling(failures: int, seed: int) -> None:
    """However often a child failed, the wait is within the documented bounds."""
    backoff = Backoff()
    ceiling = min(backoff.cap, backoff.base * 2.0 ** min(failures - 1, 32))
    assert ceiling / 2 <= backoff.delay(failures, random.Random(seed)) <= ceiling


def test_the_first_retry_is_fast_and_later_ones_slow_down() -> None:
    """The first wait is at most half a second, the tenth is at the cap's level."""
    rng = random.Random(1)
    assert Backoff().delay(1, rng) <= 0.5
    assert Backoff().delay(10, rng) >= 15


def test_a_child_that_dies_before_it_is_healthy_keeps_slowing_down() -> None:
    """A death after 50 s of readiness still counts; one after the healthy time starts the count anew."""
    backoff = Backoff(healthy_after=60)
    assert backoff.failures_after(3, ready_seconds=50) == 4
    assert backoff.failures_after(3, ready_seconds=60) == 1
