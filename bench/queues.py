"""Consumers of a full queue: ours, pgqueuer, procrastinate. Each has a referee who sees every start and every end.

Rows are the same for all: so many chats, one of which may send a share of everything. What has not the peer's own order
(pgqueuer) is counted, not held against it.
"""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import anyio
import asyncpg
import pgqueuer
import procrastinate
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.queries import Queries

from bench.lane import KEY
from bench.postgres import Server
from supervisor import database
from supervisor.clock import boottime
from supervisor.fence import FencedDatabase
from supervisor.inbox.claims import Claims
from supervisor.inbox.wake import Wake
from supervisor.inbox.worker import Pace, Worker
from supervisor.sql import sql
from supervisor.term import Term

CONNECTIONS = 10
"""Of each consumer's pool: the default of DB_MAXCONN."""
LANES = 64
HOT = 1
EFFECT = "INSERT INTO bench_effect (job) VALUES ($1::bigint)"
PATIENCE_SECONDS = 150.0
BODY = (
    '{"update_id":%d,"message":{"message_id":%d,"from":{"id":%d,"is_bot":false,"first_name":"Ann"},'
    '"chat":{"id":%d,"type":"private"},"date":1763890000,"text":"a red fox in the snow, 35mm, golden hour"}}'
)


class Wrong(Exception):
    """Jobs were lost, doubled, or not done in order: the figures would be worth nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is in the queue at the start, and what a handler does."""

    jobs: int
    chats: int = 500
    hot: float = 0.0
    """The share of all that one chat sends."""
    seconds: float = 0.0
    writes: bool = False
    is_alone: bool = False
    """The same without the busy chat's."""

    def rows(self) -> list[tuple[int, int]]:
        """Return (job, chat), the same for everybody."""
        rng = random.Random(7)  # noqa: S311 - a bench is to be repeatable
        chats = [HOT if rng.random() < self.hot else 1000 + rng.randrange(self.chats) for _ in range(self.jobs)]
        return list(enumerate([chat for chat in chats if not (self.is_alone and chat == HOT)], start=1))


@dataclass
class Referee:
    """Who saw what was handled, when, and in which order."""

    load: Load
    last: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    busy: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    seen: set[int] = field(default_factory=set)
    disorder: int = 0
    overlaps: int = 0
    doubles: int = 0
    jobs: int = 0
    others: int = 0
    others_left: int = 0
    others_ended: float = 0.0
    ended: float = 0.0
    ends: list[float] = field(default_factory=list)
    """When each was handled; with a busy chat in the load, each of the others'."""
    done: anyio.Event = field(default_factory=anyio.Event)

    def __post_init__(self) -> None:
        rows = self.load.rows()
        self.jobs, self.others = len(rows), sum(chat != HOT for _, chat in rows)
        self.others_left = self.others

    async def handle(self, job: int, chat: int, write: Callable[[], Awaitable[Any]]) -> None:
        """Do what the load says; tell of each start and end."""
        self.disorder += job < self.last[chat]
        self.last[chat] = max(self.last[chat], job)
        self.overlaps += self.busy[chat] > 0
        self.busy[chat] += 1
        try:
            if self.load.writes:
                await write()
            if self.load.seconds:
                await anyio.sleep(self.load.seconds)
        finally:
            self.busy[chat] -= 1
        self._note(job, chat)

    def _note(self, job: int, chat: int) -> None:
        self.doubles += job in self.seen
        self.seen.add(job)
        self.others_left -= chat != HOT
        now = time.perf_counter()
        if chat != HOT or not self.load.hot:
            self.ends.append(now)
        if not self.others_left and not self.others_ended:
            self.others_ended = now
        if len(self.seen) == self.jobs:
            self.ended = now
            self.done.set()


@asynccontextmanager
async def ours(
    server: Server, load: Load, referee: Callable[[], Referee], *, has_lanes: bool = True
) -> AsyncIterator[Referee]:
    """Our worker, as a term runs it; without lanes, where each row is one of its own."""
    url = await server.database()
    async with database.pool(url, size=CONNECTIONS, application_name="bench") as pool:
        await pool.execute("CREATE TABLE bench_effect (job bigint)")
        await pool.execute("SELECT lock_fence_table('bench_effect')")
        rows = [
            (
                "telegram",
                str(job),
                f"chat:{chat}" if has_lanes else f"op:{job}:{chat}",
                (BODY % (job, job, chat, chat)).encode(),
            )
            for job, chat in load.rows()
        ]
        async with pool.acquire() as connection:
            columns = ["source", "dedupe_key", "lane", "body"]
            await connection.copy_records_to_table("inbox", records=rows, columns=columns)
        await pool.execute("VACUUM ANALYZE inbox")
        won = await pool.fetchrow(sql("lock_claim"), KEY, "bench", 3_600_000, 0, 0, "free", False)
        term = Term(won["epoch"], "bench", window=3600, sent_at=boottime(), timeline=won["timeline"])
        found = referee()

        async def handle(row: Any, connection: Any) -> None:
            job = int(row.dedupe_key)
            await found.handle(job, int(row.lane.rpartition(":")[2]), lambda: connection.execute(EFFECT, job))

        fenced = FencedDatabase(pool, KEY, term)
        worker = Worker(fenced, Claims(term.epoch), handle, Wake(), pace=Pace(handlers=LANES))
        async with anyio.create_task_group() as group:
            await group.start(_served, worker)
            yield found
            group.cancel_scope.cancel()
        settled = await pool.fetchval("SELECT count(*) FROM inbox WHERE state = 'done'")
        written = await pool.fetchval("SELECT count(*) FROM bench_effect")
        if found.done.is_set() and (settled, written) != (found.jobs, found.jobs * load.writes):
            raise Wrong(f"{settled} of {found.jobs} rows are done, with {written} effects")


async def _served(worker: Worker, *, task_status: Any) -> None:
    await worker.serve(task_status=task_status)


@asynccontextmanager
async def of_pgqueuer(server: Server, load: Load, referee: Callable[[], Referee]) -> AsyncIterator[Referee]:
    """pgqueuer: batches of 50, as many tasks at once as we have lanes, and more."""
    url = await server.database(blank=True)
    async with pooled(url) as pool:
        await pool.execute("CREATE TABLE bench_effect (job bigint)")
        driver = AsyncpgPoolDriver(pool)
        queries = Queries(driver)
        await queries.install()
        rows = load.rows()
        for start in range(0, len(rows), 1000):
            batch = rows[start : start + 1000]
            bodies: list[bytes | None] = [
                json.dumps([job, chat, BODY % (job, job, chat, chat)]).encode() for job, chat in batch
            ]
            await queries.enqueue(["inbox"] * len(batch), bodies, [0] * len(batch))
        await pool.execute("VACUUM ANALYZE pgqueuer")
        queue = pgqueuer.PgQueuer(driver)

        @queue.entrypoint("inbox")
        async def handle(job: pgqueuer.Job) -> None:
            number, chat, _ = json.loads(job.payload or b"")
            await found.handle(number, chat, lambda: pool.execute(EFFECT, number))

        found = referee()
        async with anyio.create_task_group() as group:
            group.start_soon(run_pgqueuer, queue)
            yield found
            queue.shutdown.set()
            group.cancel_scope.cancel()


@asynccontextmanager
async def pooled(url: str) -> AsyncIterator[Any]:
    """Lend a peer's pool."""
    pool: Any = await asyncpg.create_pool(url, min_size=2, max_size=CONNECTIONS)
    try:
        yield pool
    finally:
        # Not closed: a peer that was cancelled may not have given its connections back.
        pool.terminate()


async def run_pgqueuer(queue: pgqueuer.PgQueuer) -> None:
    """Consume until cancelled or shut down."""
    await queue.run(batch_size=50, max_concurrent_tasks=max(100, LANES), dequeue_timeout=timedelta(seconds=1))


@asynccontextmanager
async def of_procrastinate(server: Server, load: Load, referee: Callable[[], Referee]) -> AsyncIterator[Referee]:
    """Run procrastinate with the chat as the lock, which gives it our order."""
    url = await server.database(blank=True)
    connector = procrastinate.PsycopgConnector(conninfo=url, min_size=CONNECTIONS, max_size=CONNECTIONS)
    app = procrastinate.App(connector=connector)
    effects: list[Any] = []

    @app.task(queue="inbox", name="inbox")
    async def inbox(job: int, chat: int, body: str) -> None:  # noqa: ARG001 - a job carries its update, as ours does
        await found.handle(job, chat, lambda: effects[0].execute(EFFECT, job))

    async with app.open_async(), pooled(url) as pool:
        effects.append(pool)
        await pool.execute("CREATE TABLE bench_effect (job bigint)")
        await app.schema_manager.apply_schema_async()
        rows = load.rows()
        for start in range(0, len(rows), 500):
            jobs = [
                inbox.configure(lock=str(chat)).make_new_job(job=job, chat=chat, body=BODY % (job, job, chat, chat))
                for job, chat in rows[start : start + 500]
            ]
            await app.job_manager.batch_defer_jobs_async(jobs=jobs)
        await pool.execute("VACUUM ANALYZE procrastinate_jobs")
        found = referee()
        async with anyio.create_task_group() as group:
            group.start_soon(run_procrastinate, app)
            yield found
            group.cancel_scope.cancel()


async def run_procrastinate(app: procrastinate.App) -> None:
    """Work until cancelled."""
    with suppress(anyio.get_cancelled_exc_class()):
        await app.run_worker_async(
            concurrency=LANES, install_signal_handlers=False, fetch_job_polling_interval=0.05, delete_jobs="never"
        )
