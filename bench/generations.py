"""100 generations in flight and 400 queued: how fast the provider is asked, in which order, and what that takes.

    python -m bench.generations [--json] [--quick] [--rounds N]

The worker of a term on a real PostgreSQL, and a provider in the same process that notes every call and finishes nothing:
the load stays what it is. Memory is the process's proportional set size at its most, over that of a worker without rows.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from bench.holder import KEY, next_term, served
from bench.memory import pss
from bench.postgres import Server, postgres
from bench.rounds import Case, Figures, alternate, arguments, machine, report
from bot.catalogue import load
from bot.generation.means import Means
from bot.generation.results import Results
from bot.generation.worker import Generations
from bot.providers.base import Order, Pending, Progress
from supervisor import database
from supervisor.fence import FencedDatabase
from supervisor.inbox.wake import Wake

ROUNDS = 3
IN_FLIGHT, QUEUED = 100, 400
SECONDS, QUICK_SECONDS, EMPTY_SECONDS = 30.0, 1.5, 0.5
LOOK_SECONDS = 0.05
BAR_REQUESTS, BAR_ORDERS, BAR_MB = 10, 20, 40
ROWS = """INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price)
          SELECT 1, 1, 'chat:1', 'z-image', '{"prompt": "a red fox", "aspect_ratio": "1:1"}', 0
            FROM generate_series(1, $1::integer)"""
HELD = """UPDATE generation SET state = 'held', deadline_at = now() + interval '1 hour',
                 next_step_at = now() - make_interval(secs => 10000 - id)"""
SUBMITTED = """UPDATE generation SET state = 'submitted', task_id = 'task-' || id, submitted_at = now(), next_step_at = now()
                WHERE id <= $1::integer"""


@dataclass
class Provider:
    """Notes when each call came, and of which order."""

    calls: list[float] = field(default_factory=list)
    orders: list[float] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    async def create(self, order: Order) -> str:
        """Take an order."""
        self.calls.append(time.monotonic())
        self.orders.append(self.calls[-1])
        self.tokens.append(str(order.callback_url))
        return f"made-{len(self.orders)}"

    async def poll(self, _task_id: str) -> Progress:
        """Be busy with it."""
        self.calls.append(time.monotonic())
        return Pending()


def most(times: Sequence[float], seconds: float) -> int:
    """Return how many came in the fullest window of so many seconds."""
    first, found = 0, 0
    for last, at in enumerate(times):
        while at - times[first] >= seconds:
            first += 1
        found = max(found, last - first + 1)
    return found


async def measure(server: Server, seconds: float) -> Figures:
    """Return how often the provider was asked."""
    lent = database.pool(await server.database(), size=10, application_name="bench")
    with tempfile.TemporaryDirectory() as folder:
        async with lent as pool:
            term, provider = await next_term(pool), Provider()
            fenced = FencedDatabase(pool, KEY, term)
            nowhere: Any = None

            @asynccontextmanager
            async def means() -> AsyncIterator[Means]:
                yield Means(
                    database=fenced,
                    term=term,
                    catalogue=load(),
                    providers={"market": provider},
                    uploader=nowhere,
                    results=Results(Path(folder), "https://provider"),
                    files=nowhere,
                    luck=random.random,
                    callback_url=str,
                )

            wake = Wake()
            async with anyio.create_task_group() as group:
                await group.start(served, Generations(means, wake))
                empty = await _most_memory(EMPTY_SECONDS)
                order = await _fill(fenced)
                wake.set()
                full = await _most_memory(seconds)
                group.cancel_scope.cancel()
    # Side by side, within one round; but none before one that was due earlier and still waits.
    if set(provider.tokens) != set(order[: len(provider.tokens)]):
        raise AssertionError("what was due first was not ordered first")
    more = {"orders in 10 s": most(provider.orders, 10.0), "MB over empty": full - empty, "calls": len(provider.calls)}
    return Figures(most(provider.calls, 1.0), more={name: float(value) for name, value in more.items()})


async def _fill(fenced: FencedDatabase) -> list[str]:
    """Put the generations there; return the tokens of the queued ones, in the order in which they are due."""
    async with fenced.transaction() as connection:
        await connection.execute("INSERT INTO users (id, language) VALUES (1, 'en')")
        await connection.execute(ROWS, IN_FLIGHT + QUEUED)
        await connection.execute(HELD)
        await connection.execute("UPDATE generation SET state = 'submitting' WHERE id <= $1::integer", IN_FLIGHT)
        await connection.execute(SUBMITTED, IN_FLIGHT)
        rows = await connection.fetch("SELECT callback_token::text FROM generation WHERE state = 'held' ORDER BY id")
        return [row[0] for row in rows]


async def _most_memory(seconds: float) -> float:
    looks: list[float] = []
    with anyio.move_on_after(seconds):
        while True:
            looks.append(await anyio.to_thread.run_sync(pss, os.getpid()))
            await anyio.sleep(LOOK_SECONDS)
    return max(looks)


async def main() -> None:
    """Measure, and print the table."""
    asked = arguments(__doc__ or "", ROUNDS)
    seconds = QUICK_SECONDS if asked.quick else SECONDS
    async with postgres(quick=asked.quick) as server:
        found = await alternate({"ours": lambda: measure(server, seconds)}, asked.rounds)
        notes = machine(in_flight=IN_FLIGHT, queued=QUEUED, seconds=seconds)
    bar = f"≤ {BAR_REQUESTS} calls/s, ≤ {BAR_ORDERS} orders in 10 s, ≤ {BAR_MB} MB"
    report([Case("", "calls in the fullest second", "", found, {"ours": bar})], notes, as_json=asked.json)


if __name__ == "__main__":
    anyio.run(main)
