"""Backoff and restart budget are values: capped, jittered, forgotten after a healthy run or when they slid away."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from supervisor.child import Backoff, Intensity


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


def test_a_budget_tolerates_five_restarts_a_minute_and_not_a_sixth_failure() -> None:
    """The default: what a burst may cost, and what no sustained trouble may."""
    budget = Intensity()
    window: tuple[float, ...] = ()
    spent = []
    for now in (0.0, 10.0, 20.0, 30.0, 40.0, 59.9):
        window = budget.window(window, now)
        spent.append(budget.exhausted(window))
    assert spent == [False] * 5 + [True]


@given(st.lists(st.floats(0, 600), max_size=60))
def test_a_budget_is_exhausted_exactly_when_more_failures_than_restarts_lie_within_its_seconds(
    ages: list[float],
) -> None:
    """The window slides with each failure; a minute of a clock has no say."""
    budget = Intensity(restarts=3, seconds=60)
    window: tuple[float, ...] = ()
    times = sorted(ages)
    for number, now in enumerate(times):
        window = budget.window(window, now)
        recent = [at for at in times[: number + 1] if now - at < 60]
        assert budget.exhausted(window) == (len(recent) > 3)
        assert len(window) <= len(recent)
