"""The main loop's pulse."""

from __future__ import annotations

from supervisor.stall import REPORT_EVERY, SAMPLES_KEPT, Pulse


def test_the_worst_lag_is_that_of_the_last_minute() -> None:
    """One bad moment weeks ago must not hide that all is well now, nor that it is getting bad again."""
    pulse = Pulse()
    pulse.note(3.0)
    assert pulse.worst_lag == 3.0
    for _ in range(SAMPLES_KEPT - 1):
        pulse.note(0.001)
    assert pulse.worst_lag == 3.0
    pulse.note(0.002)
    assert pulse.worst_lag == 0.002


def test_the_worst_of_five_seconds_is_reported_not_every_sample() -> None:
    """A metric four times a second would cost more than it tells."""
    pulse = Pulse()
    reported = [pulse.note(0.1 if number == 3 else 0.0) for number in range(2 * REPORT_EVERY)]
    assert [lag for lag in reported if lag is not None] == [0.1, 0.0]
