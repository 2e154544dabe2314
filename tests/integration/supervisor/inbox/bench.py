"""Handlers that write down what they did, and a worker for them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio

from supervisor.inbox.attempt import Handle
from supervisor.inbox.claims import Row
from supervisor.inbox.wake import Wake
from supervisor.inbox.worker import Pace, Worker
from tests.integration.supervisor.inbox.conftest import Tenure


class Broken(Exception):
    """What the handlers of these tests raise."""


@dataclass
class Bench:
    """Handlers that write down what they did, in the transaction of their row."""

    seen: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    failing: dict[str, int] = field(default_factory=dict)
    """How many starts of this key fail."""
    reached: anyio.Event = field(default_factory=anyio.Event)
    gate: anyio.Event | None = None

    async def handle(self, row: Row, connection: Any) -> None:
        self.seen[row.lane].append(row.dedupe_key)
        await connection.execute(
            "INSERT INTO outbox (lane, chat_id, method, params) VALUES ($1, 1, 'sendMessage', '{}')", row.lane
        )
        if self.failing.get(row.dedupe_key, 0) > 0:
            self.failing[row.dedupe_key] -= 1
            raise Broken(row.dedupe_key)
        self.reached.set()
        if self.gate is not None:
            await self.gate.wait()


def worker(tenure: Tenure, handle: Handle, wake: Wake | None = None, **options: Any) -> Worker:
    pace = options.pop("pace", Pace(handlers=2, poll_seconds=0.02, handler_seconds=5.0))
    return Worker(tenure.database, tenure.claims, handle, wake or Wake(), pace=pace, rng=random.Random(1), **options)


def settled(pool: Any, number: int) -> Callable[[], Awaitable[bool]]:
    async def found() -> bool:
        return bool(await pool.fetchval("SELECT count(*) = $1 FROM inbox WHERE state IN ('done', 'dead')", number))

    return found
