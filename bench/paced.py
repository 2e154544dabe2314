"""From the commit of an arrival to its settlement, while they come at a rate well below what the queue can do.

ours           the writer, and the worker that it wakes
pgqueuer       enqueue on a pool; its consumer is woken by NOTIFY
procrastinate  defer with the chat as the lock; its worker is woken by NOTIFY

Handlers do nothing. An arrival is committed when its sender has been told, and settled at the moment that the database
wrote down for it: that is the time of the statement or its transaction, a commit before it is durable.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import pgqueuer
import procrastinate
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.queries import Queries

from bench.holder import KEY, next_term, nothing, served
from bench.postgres import Server
from bench.queues import BODY, CONNECTIONS, LANES, PATIENCE_SECONDS, pooled, run_pgqueuer, run_procrastinate
from bench.rounds import Figures, timed
from bot.ports import Arrival
from supervisor import database
from supervisor.fence import FencedDatabase
from supervisor.inbox.claims import Claims
from supervisor.inbox.worker import Pace, Worker
from supervisor.inbox.writer import Writer

RATES = {"ours": 500, "pgqueuer": 500, "procrastinate": 50}
"""Arrivals a second; procrastinate does not keep up with 500."""
CHATS = 500
WARM_UP = 50
LOOK_SECONDS = 0.05
OURS = "SELECT dedupe_key::bigint, extract(epoch FROM settled_at)::float8 FROM inbox WHERE state = 'done'"
PGQUEUER = "SELECT job_id, extract(epoch FROM created)::float8 FROM pgqueuer_log WHERE status = 'successful'"
PROCRASTINATE = "SELECT job_id, extract(epoch FROM at)::float8 FROM procrastinate_events WHERE type = 'succeeded'"


@dataclass(frozen=True, slots=True)
class Queue:
    """An empty queue and its consumer. `put` commits an arrival of a chat; `settled` tells when each was, by its id."""

    put: Callable[[int, int], Awaitable[int]]
    settled: Callable[[], Awaitable[dict[int, float]]]


async def measure(server: Server, name: str, seconds: float) -> Figures:
    """Return how long arrivals wait, committed, for their settlement."""
    rate, committed = RATES[name], dict[int, float]()
    chats = random.Random(7)  # noqa: S311 - a bench is to be repeatable
    async with QUEUES[name](server) as queue:

        async def arrive(number: int) -> None:
            key = await queue.put(number, 1000 + chats.randrange(CHATS))
            committed[key] = time.time()

        for number in range(WARM_UP):
            await arrive(number + 1)
        warm, began, wanted = set(committed), time.perf_counter(), WARM_UP + round(rate * seconds)
        async with anyio.create_task_group() as group:
            for number in range(WARM_UP, wanted):
                await anyio.sleep(max(0.0, began + (number - WARM_UP) / rate - time.perf_counter()))
                group.start_soon(arrive, number + 1)
        with anyio.fail_after(PATIENCE_SECONDS):
            while len(settled := await queue.settled()) < wanted:  # noqa: ASYNC110 - only the database knows
                await anyio.sleep(LOOK_SECONDS)
    waits = [settled[key] - at for key, at in committed.items() if key not in warm]
    ended = max(settled.values()) - min(at for key, at in committed.items() if key not in warm)
    return timed(waits, ended, rows=len(waits))


@asynccontextmanager
async def ours(server: Server) -> AsyncIterator[Queue]:
    """Our writer and our worker, as a term runs them."""
    url = await server.database()
    async with database.pool(url, size=CONNECTIONS, application_name="bench") as pool:
        term = await next_term(pool)
        writer, fenced, claims = Writer(lambda: url), FencedDatabase(pool, KEY, term), Claims(term.epoch)

        async def put(number: int, chat: int) -> int:
            body = (BODY % (number, number, chat, chat)).encode()
            await writer.put(Arrival("telegram", str(number), f"chat:{chat}", body))
            return number

        async with anyio.create_task_group() as group:
            await group.start(served, writer)
            await group.start(served, Worker(fenced, claims, nothing, writer.stored, pace=Pace(handlers=LANES)))
            yield Queue(put, lambda: _settled(pool, OURS))
            group.cancel_scope.cancel()


@asynccontextmanager
async def of_pgqueuer(server: Server) -> AsyncIterator[Queue]:
    """Its queue and its consumer, on a pool of as many connections."""
    async with pooled(await server.database(blank=True)) as pool:
        driver = AsyncpgPoolDriver(pool)
        queries = Queries(driver)
        await queries.install()
        queue = pgqueuer.PgQueuer(driver)

        @queue.entrypoint("inbox")
        async def handle(_job: pgqueuer.Job) -> None:
            await anyio.lowlevel.checkpoint()

        async def put(number: int, chat: int) -> int:
            (key,) = await queries.enqueue("inbox", (BODY % (number, number, chat, chat)).encode())
            return int(key)

        async with anyio.create_task_group() as group:
            group.start_soon(run_pgqueuer, queue)
            yield Queue(put, lambda: _settled(pool, PGQUEUER))
            queue.shutdown.set()
            group.cancel_scope.cancel()


@asynccontextmanager
async def of_procrastinate(server: Server) -> AsyncIterator[Queue]:
    """Its queue and its worker, with the chat as the lock."""
    url = await server.database(blank=True)
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=url, min_size=CONNECTIONS, max_size=CONNECTIONS)
    )

    @app.task(queue="inbox", name="inbox")
    async def inbox(body: str) -> None: ...

    async def put(number: int, chat: int) -> int:
        return await inbox.configure(lock=str(chat)).defer_async(body=BODY % (number, number, chat, chat))

    async with app.open_async(), pooled(url) as pool:
        await app.schema_manager.apply_schema_async()
        async with anyio.create_task_group() as group:
            group.start_soon(run_procrastinate, app)
            yield Queue(put, lambda: _settled(pool, PROCRASTINATE))
            group.cancel_scope.cancel()


async def _settled(pool: Any, query: str) -> dict[int, float]:
    return dict(await pool.fetch(query))


QUEUES: dict[str, Callable[[Server], AbstractAsyncContextManager[Queue]]] = {
    "ours": ours,
    "pgqueuer": of_pgqueuer,
    "procrastinate": of_procrastinate,
}
