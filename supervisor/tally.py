"""Heartbeats counted for the hourly line: no I/O, the clock is a parameter."""

from __future__ import annotations

from telemetry import events

SUMMARY_SECONDS = 3600.0


class Tally:
    """Heartbeats since the last summary: one line an hour instead of one a beat."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._ok = self._failed = 0
        self._slowest = 0.0

    def add(self, seconds: float | None) -> None:
        """Count a heartbeat that took so long, or a failed one."""
        if seconds is None:
            self._failed += 1
        else:
            self._ok += 1
            self._slowest = max(self._slowest, seconds)

    def summary(self, epoch: int, now: float) -> events.HeartbeatSummary | None:
        """Return the line of the hour once it is over, and begin the next one."""
        if now - self._since < SUMMARY_SECONDS:
            return None
        line = events.HeartbeatSummary(
            ok=self._ok, failed=self._failed, epoch=epoch, slowest_seconds=round(self._slowest, 4)
        )
        self._since, self._ok, self._failed, self._slowest = now, 0, 0, 0.0
        return line
