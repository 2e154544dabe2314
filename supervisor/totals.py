"""The totals that outlive a process, read from the database and published for every scrape.

Read every 10 s, and within a second of every change of the lock that the keeper knows of: the keeper hears of each
through NOTIFY, on a PASSIVE too, so an alert about takeovers does not wait for the timer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import anyio
import asyncpg
from anyio.abc import TaskStatus

from supervisor import generation_totals, ledger_totals, model_totals
from supervisor.database import COMMAND_SECONDS, LOST, Pool, transaction
from supervisor.health import ModelHealth
from supervisor.sql import sql
from telemetry import emit, events, metrics, snapshot
from telemetry.catalogue.bot import SATURATION
from telemetry.snapshot import STALE_INTERVALS

INTERVAL = 10.0
"""Seconds between two readings; what is older than three of them is not shown."""
LOOK_SECONDS = 1.0
"""Between two looks at what the keeper knows: also how often at most the database is asked."""
INBOX = ("ready", "claimed", "oldest_age", "dead", "dead_1h")
QUEUES = ("inbox", "outbox")
KINDS = ("first", "handover", "takeover", "reclaim", "release", "demotion", "fencing", "break")


class Totals:
    """A child that reads the totals: woken by its timer, stopped by cancellation.

    `lock` returns what the keeper knows of the lock; another answer than at the last reading makes it read at once.
    `credit_usd` is what a credit sells for, which the margin is told in.
    """

    def __init__(
        self,
        pool: Callable[[], Pool],
        lock_key: int,
        lock: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        credit_usd: float = 0.01,
    ) -> None:
        self._pool = pool
        self._lock_key = lock_key
        self._lock = lock
        self._clock = clock
        self._credit_usd = credit_usd
        self._latest: dict[str, Any] = {}
        self._models: tuple[ModelHealth, ...] = ()
        self._read_at = -math.inf

    def inbox(self) -> dict[str, float]:
        """Return what the status tells of the inbox: what was read last, and the handlers under way here.

        Nothing when that is too old: with the database away, numbers that stand still would look like rest.
        """
        if self._is_stale():
            return {}
        found = {name: float(self._latest[f"inbox_{name}"]) for name in INBOX}
        return found | {"running": metrics.gauge("bot_inbox_handlers_running")}

    def models(self) -> tuple[ModelHealth, ...]:
        """Return what the status tells of models: the busiest of the last 24 hours; nothing when that is too old."""
        return () if self._is_stale() else self._models

    def _is_stale(self) -> bool:
        return self._clock() - self._read_at > STALE_INTERVALS * INTERVAL

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Read and publish until cancelled; what cannot be read is tried again at the next turn."""
        task_status.started()
        seen, due = self._lock(), anyio.current_time()
        while True:
            if (known := self._lock()) != seen or anyio.current_time() >= due:
                seen, due = known, anyio.current_time() + INTERVAL
                try:
                    await self.read()
                except (*LOST, asyncpg.PostgresError) as error:
                    # Whatever the server has against it: numbers that cannot be read must not end a bot that works.
                    emit(events.SnapshotFailed(error=error))
            await anyio.sleep(LOOK_SECONDS)

    async def read(self) -> None:
        """Read the totals once and publish them."""
        async with self._pool().acquire(timeout=COMMAND_SECONDS) as connection, transaction(connection):
            await connection.execute(sql("totals_plan"))
            asked = time.time()
            row = await connection.fetchrow(sql("totals"), self._lock_key, SATURATION)
            answered = time.time()
            models = await model_totals.read(connection, self._credit_usd)
            ledger = await ledger_totals.read(connection)
            generations = await generation_totals.read(connection)
            # The database read its clock somewhere in between.
            offset = row["now"] - (asked + answered) / 2
        self._latest, self._read_at = dict(row), self._clock()
        self._models = model_totals.busiest(models["generations_window"], models["seconds_per_success_window"])
        snapshot.publish(
            snapshot.Snapshot(
                interval_seconds=INTERVAL,
                takeovers_window={"1h": row["takeovers_1h"], "24h": row["takeovers_24h"]},
                takeovers={"stale": row["takeovers_stale"], "session_lost": row["takeovers_session_lost"]},
                handovers=row["lock_handover"],
                heartbeat_age_seconds=row["heartbeat_age"],
                fencing_token=row["epoch"],
                lock_events={kind: row[f"lock_{kind}"] for kind in KINDS},
                holders=int(row["held"]),
                last_takeover_at=row["last_takeover"],
                clock_offset_seconds=offset,
                inbox_depth={"ready": row["inbox_ready"], "claimed": row["inbox_claimed"]},
                inbox_oldest_age_seconds=row["inbox_oldest_age"],
                inbox_dead_letters=row["inbox_dead"],
                inbox_dead_letters_1h=row["inbox_dead_1h"],
                outbox_depth={"ready": row["outbox_ready"], "sending": row["outbox_sending"]},
                outbox_oldest_age_seconds=row["outbox_oldest_age"],
                table_bytes={table: row[f"{table}_bytes"] for table in QUEUES},
                table_dead_rows={table: row[f"{table}_dead_rows"] for table in QUEUES},
                oldest_transaction_seconds=row["oldest_transaction"],
                **models,
                **ledger,
                **generations,
            )
        )
