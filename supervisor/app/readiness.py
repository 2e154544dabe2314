"""Say whenever this instance becomes able to accept updates, or no longer is: the metric and the log follow /readyz."""

from __future__ import annotations

import anyio
from anyio.abc import TaskStatus

from supervisor.app.instance import Instance
from supervisor.clock import boottime
from supervisor.outage import Outage
from telemetry import emit, events

INTERVAL = 1.0
"""Seconds between two looks; a change is told at most this much and one bounded question too late."""


class Readiness:
    """A child: woken by its timer, stopped by cancellation. A drain is told by whoever begins it."""

    def __init__(self, instance: Instance, outage: Outage, *, interval: float = INTERVAL) -> None:
        self._instance = instance
        self._outage = outage
        self._interval = interval
        self._since = instance.started_at
        self._told: bool | None = None

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Look until cancelled, once before being ready."""
        await self.look()
        task_status.started()
        while True:
            await anyio.sleep(self._interval)
            await self.look()

    async def look(self) -> None:
        """Look once; tell what has changed, and let the outage be noticed although no child has failed of it."""
        reasons = await self._instance.not_ready()
        if self._instance.draining:
            return
        if reasons or self._outage.away:
            await self._outage.look()
        is_ready = not reasons
        if is_ready is self._told:
            return
        if is_ready:
            emit(events.Ready(seconds=round(boottime() - self._since, 2)))
        else:
            # Since the start, if it was never ready.
            self._since = boottime() if self._told else self._since
            emit(events.Unready(reason="; ".join(reasons)))
        self._told = is_ready
