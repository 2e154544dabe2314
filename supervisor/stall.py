"""The main loop's pulse: how late it wakes, and when it last did.

The keeper renews the lease only while this pulse is fresh: a process whose loop hangs must not stay the leader.
"""

from __future__ import annotations

import anyio
from anyio.abc import TaskStatus

from supervisor.clock import boottime
from telemetry import emit, events

INTERVAL = 0.25
"""Seconds between two samples."""
REPORT_EVERY = 20
"""Samples between two metrics: the worst of five seconds is what matters, not every quarter second."""


class Pulse:
    """A child that samples its loop's lag; woken by its own timer every 0.25 s, stopped by cancellation."""

    def __init__(self) -> None:
        self.last_tick = boottime()
        self.worst_lag = 0.0

    def ticked_at(self) -> float:
        """Return the boottime of the loop's last tick; safe to call from any thread."""
        return self.last_tick

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Tick until cancelled."""
        task_status.started()
        samples, worst = 0, 0.0
        while True:
            due = boottime() + INTERVAL
            await anyio.sleep(INTERVAL)
            self.last_tick = boottime()
            worst = max(worst, self.last_tick - due)
            self.worst_lag = max(self.worst_lag, worst)
            samples += 1
            if samples == REPORT_EVERY:
                emit(events.LoopLagSampled(seconds=worst, max_seconds=self.worst_lag))
                samples, worst = 0, 0.0
