"""The heartbeat's hourly line."""

from __future__ import annotations

from supervisor.tally import SUMMARY_SECONDS, Tally


def test_heartbeats_are_summed_up_once_an_hour() -> None:
    """One line an hour with what was counted; then it counts anew."""
    tally = Tally(1000.0)
    for seconds in (0.002, 0.0311, None, 0.004):
        tally.add(seconds)
    assert tally.summary(7, 1000.0 + SUMMARY_SECONDS - 1) is None
    line = tally.summary(7, 1000.0 + SUMMARY_SECONDS)
    assert line is not None
    assert (line.ok, line.failed, line.epoch, line.slowest_seconds) == (3, 1, 7, 0.0311)
    assert tally.summary(7, 1001.0 + SUMMARY_SECONDS) is None
    line = tally.summary(8, 1000.0 + 2 * SUMMARY_SECONDS)
    assert line is not None
    assert (line.ok, line.failed, line.slowest_seconds) == (0, 0, 0.0)
