"""How often and how long."""

from __future__ import annotations

import pytest

from bot.generation import cadence
from bot.generation.cadence import Pace, hold_seconds, poll_delay, retry_delay


@pytest.mark.parametrize(
    ("age", "low", "high"),
    [(0, 2, 3), (29.9, 2, 3), (30, 5, 10), (119.9, 5, 10), (120, 15, 30), (899, 15, 30), (1e9, 15, 30)],
)
def test_looks_become_rarer_with_the_age_of_a_task(age: float, low: float, high: float) -> None:
    """Every 2 to 3 s for 30 s, then 5 to 10 s, after two minutes 15 to 30 s."""
    assert poll_delay(age, 0.0) == low
    assert low < poll_delay(age, 0.5) < high
    assert poll_delay(age, 0.999) < high


def test_tries_become_rarer_with_failures() -> None:
    """A second, then more, then a quarter of a minute, each spread by a fifth."""
    assert [retry_delay(failures, 0.5) for failures in (1, 2, 3, 4, 5, 50)] == [1, 2, 5, 10, 15, 15]
    assert retry_delay(0, 0.5) == 1
    assert retry_delay(1, 0.0) == 0.8
    assert retry_delay(1, 1.0) == pytest.approx(1.2)


@pytest.mark.parametrize("slo", ["image", "audio", "video"])
def test_a_hold_outlives_every_deadline(slo: cadence.Slo) -> None:
    """A hold expires after the provider's deadline, never before it."""
    assert hold_seconds(slo) > cadence.QUEUE_SECONDS + cadence.PROVIDER_SECONDS[slo]


def test_the_deadlines_are_those_that_were_promised() -> None:
    """15 minutes for images and audio, 30 for video; 10 for a confirmation."""
    assert cadence.PROVIDER_SECONDS == {"image": 900, "audio": 900, "video": 1800}
    assert cadence.QUOTE_SECONDS == 600


def test_no_window_holds_more_than_its_limit() -> None:
    """Whenever it is asked: of any 10 s, at most 20; a leaky bucket would let 40 through."""
    pace, taken = Pace((20, 10.0)), []
    for tick in range(4_000):
        now = tick * 0.01
        while pace.free(now):
            pace.take(now)
            taken.append(now)
    assert len(taken) == 80
    for start in taken:
        assert sum(start <= each < start + 10 for each in taken) <= 20
