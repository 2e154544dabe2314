"""The main loop's pulse: how late it wakes, and when it last did.

The keeper renews the lease only while this pulse is fresh: a process whose loop hangs must not stay the leader.
"""

from __future__ import annotations

from collections import deque

import anyio
from anyio.abc import TaskStatus

from supervisor.clock import boottime
from telemetry import emit, events

INTERVAL = 0.25
"""Seconds between two samples."""
REPORT_EVERY = 20
"""Samples between two metrics: the worst of five seconds is what matters, not every quarter second."""
SAMPLES_KEPT = 240
"""A minute of them."""


class Pulse:
    """A child that samples its loop's lag; woken by its own timer every 0.25 s, stopped by cancellation."""

    def __init__(self) -> None:
        self.last_tick = boottime()
        self._lags: deque[float] = deque([0.0], maxlen=SAMPLES_KEPT)
        self._unreported: list[float] = []

    @property
    def worst_lag(self) -> float:
        """The worst lag of the last minute."""
        return max(self._lags)

    def ticked_at(self) -> float:
        """Return the boottime of the loop's last tick; safe to call from any thread."""
        return self.last_tick

    def note(self, lag: float) -> float | None:
        """Take a sample; return the worst since the last report when it is time for the next one."""
        self._lags.append(lag)
        self._unreported.append(lag)
        if len(self._unreported) < REPORT_EVERY:
            return None
        worst = max(self._unreported)
        self._unreported.clear()
        return worst

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Tick until cancelled."""
        task_status.started()
        while True:
            due = boottime() + INTERVAL
            await anyio.sleep(INTERVAL)
            self.last_tick = boottime()
            if (worst := self.note(self.last_tick - due)) is not None:
                emit(events.LoopLagSampled(seconds=worst, max_seconds=self.worst_lag))
