"""The inbox's writer alone beside what else stores a job durably and once, in one process on one PostgreSQL.

    python -m bench.writer [--json] [--quick] [--rounds N]

    ours            Writer.put: one connection, the waiters share commits
    naive           one INSERT … ON CONFLICT DO NOTHING each, on a pool of 16
    pgqueuer        enqueue(dedupe_key=…, on_conflict="skip"), a pool of 16
    procrastinate   defer_async with lock and queueing_lock, a pool of 16

Each waiter puts an update of about 300 bytes as soon as its last one is committed; 2 % were put before. This process is
on core 0, PostgreSQL with fsync on core 1.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from typing import Any

import anyio
import asyncpg

from bench.postgres import Server, postgres
from bench.receiver import POOL, Naive
from bench.rounds import Case, Figures, alternate, arguments, machine, report, timed
from bot.ports import Arrival
from supervisor import database
from supervisor.inbox.writer import Writer

WAITERS = (8, 64, 256)
BARRED = 64
BARS = {"naive": "≥ 5×", "pgqueuer": "≥ 10×", "procrastinate": "≥ 20×"}
SECONDS, QUICK_SECONDS = 2.0, 0.1
CHATS = 10_000
DUPLICATES = 0.02
BODY = (
    '{"update_id":%d,"message":{"message_id":%d,"from":{"id":%d,"is_bot":false,"first_name":"Ann","username":"ann_%d",'
    '"language_code":"ru"},"chat":{"id":%d,"first_name":"Ann","type":"private"},"date":1763890000,'
    '"text":"a cinematic photo of a red fox in the snow, 35mm, golden hour"}}'
)
Put = Callable[[Arrival], Awaitable[object]]


class Stream:
    """Updates without end, some of them twice."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._rng = random.Random(20261123)  # noqa: S311 - a bench is to be repeatable

    def take(self) -> Arrival:
        """Return the next update."""
        number = next(self._numbers)
        if self._rng.random() < DUPLICATES:
            number -= 1
        chat = 1_000_000 + number * 7919 % CHATS
        body = BODY % (number, number % 100_000, chat, chat, chat)
        return Arrival("telegram", str(number), f"chat:{chat}", body.encode())


async def load(put: Put, stream: Stream, waiters: int, seconds: float) -> Figures:
    """Let so many waiters put for so long."""
    latencies: list[float] = []
    began, cpu = time.perf_counter(), time.process_time()
    end = began + seconds

    async def wait() -> None:
        # Once at least, however late its turn comes.
        while True:
            start = time.perf_counter()
            await put(stream.take())
            latencies.append(time.perf_counter() - start)
            if time.perf_counter() >= end:
                return

    async with anyio.create_task_group() as group:
        for _ in range(waiters):
            group.start_soon(wait)
    spent = (time.process_time() - cpu) / len(latencies) * 1e6
    return timed(latencies, time.perf_counter() - began, **{"CPU of the client, µs each": spent})


@asynccontextmanager
async def ours(server: Server) -> AsyncIterator[Put]:
    """Lend the writer."""
    url = await server.database()
    writer = Writer(lambda: url)
    async with anyio.create_task_group() as group:
        await group.start(_serve, writer)
        yield writer.put
        group.cancel_scope.cancel()


async def _serve(writer: Writer, *, task_status: Any) -> None:
    await writer.serve(task_status=task_status)


@asynccontextmanager
async def naive(server: Server) -> AsyncIterator[Put]:
    """Lend a statement each."""
    async with database.pool(await server.database(), size=POOL) as pool:
        yield Naive(pool).put


@asynccontextmanager
async def pgqueuer(server: Server) -> AsyncIterator[Put]:
    """Lend its enqueue."""
    from pgqueuer.db import AsyncpgPoolDriver
    from pgqueuer.queries import Queries

    async with asyncpg.create_pool(await server.database(blank=True), min_size=POOL, max_size=POOL) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        await queries.install()

        async def put(arrival: Arrival) -> object:
            return await queries.enqueue("inbox", arrival.body, dedupe_key=arrival.dedupe_key, on_conflict="skip")

        yield put


@asynccontextmanager
async def procrastinate(server: Server) -> AsyncIterator[Put]:
    """Lend its defer."""
    from procrastinate import App, PsycopgConnector
    from procrastinate.exceptions import AlreadyEnqueued

    url = await server.database(blank=True)
    app = App(connector=PsycopgConnector(conninfo=url, min_size=POOL, max_size=POOL))

    @app.task(queue="inbox", name="inbox")
    async def handle(body: str) -> None: ...

    async def put(arrival: Arrival) -> object:
        try:
            job = handle.configure(lock=arrival.lane, queueing_lock=arrival.dedupe_key)
            return await job.defer_async(body=arrival.body.decode())
        except AlreadyEnqueued:
            return None

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        yield put


async def bench(seconds: float, rounds: int, *, quick: bool) -> tuple[Server, list[Case]]:
    """Measure all contenders with each number of waiters."""
    os.sched_setaffinity(0, {0})
    async with postgres({1}, quick=quick) as server, AsyncExitStack() as stack:
        contenders = {
            "ours": await stack.enter_async_context(ours(server)),
            "naive": await stack.enter_async_context(naive(server)),
            "pgqueuer": await stack.enter_async_context(pgqueuer(server)),
            "procrastinate": await stack.enter_async_context(procrastinate(server)),
        }
        streams = {name: Stream() for name in contenders}
        cases = []
        for waiters in WAITERS:
            rounds_of = {name: partial(load, put, streams[name], waiters, seconds) for name, put in contenders.items()}
            found = await alternate(rounds_of, rounds)
            cases.append(
                Case(f"{waiters} waiters", "puts/s", "ours", found, BARS if waiters == BARRED else {}, inverse=True)
            )
        return server, cases


def main() -> None:
    """Measure and print."""
    asked = arguments("Durable puts a second.", rounds=5)
    # Both peers say a line for each job otherwise.
    logging.getLogger().setLevel(logging.WARNING)
    notes = machine()
    server, cases = anyio.run(
        partial(bench, QUICK_SECONDS if asked.quick else SECONDS, asked.rounds, quick=asked.quick)
    )
    report(cases, notes | {"fdatasync/s": f"{server.syncs:,.0f}"}, as_json=asked.json)


if __name__ == "__main__":
    main()
