"""The totals that outlive a process, read from the database and published for every scrape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
from anyio.abc import TaskStatus

from supervisor.database import LOST, Pool
from supervisor.sql import sql
from telemetry import emit, events, snapshot

INTERVAL = 10.0
"""Seconds between two readings; a snapshot older than three of them is not exported."""


class Totals:
    """A child that reads the totals: woken by its timer every 10 s, stopped by cancellation.

    `latest` is what was read last, for the status page.
    """

    def __init__(self, pool: Callable[[], Pool], lock_key: int) -> None:
        self._pool = pool
        self._lock_key = lock_key
        self.latest: dict[str, Any] = {}

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Read and publish until cancelled; a database that is away is tried again at the next turn."""
        task_status.started()
        while True:
            try:
                await self.read()
            except LOST as error:
                emit(events.SnapshotFailed(error=error))
            await anyio.sleep(INTERVAL)

    async def read(self) -> None:
        """Read the totals once and publish them."""
        row = await self._pool().fetchrow(sql("totals"), self._lock_key)
        self.latest = dict(row)
        snapshot.publish(
            snapshot.Snapshot(
                interval_seconds=INTERVAL,
                takeovers_window={"1h": row["takeovers_1h"], "24h": row["takeovers_24h"]},
                takeovers={"stale": row["takeovers_stale"], "session_lost": row["takeovers_session_lost"]},
                handovers=row["handovers"],
                heartbeat_age_seconds=row["heartbeat_age"],
                fencing_token=row["epoch"],
                inbox_depth={"ready": row["inbox_ready"], "claimed": row["inbox_claimed"]},
                inbox_oldest_age_seconds=row["inbox_oldest_age"],
                inbox_dead_letters=row["inbox_dead"],
            )
        )
