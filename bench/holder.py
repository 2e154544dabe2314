"""One process beside a full queue: `python -m bench.holder KIND WHERE`; prints "ready", and ends with its input.

ours      our worker, as a term runs it, on the database WHERE; its handlers do nothing
pgqueuer  its consumer on the database WHERE, likewise
PTB       python-telegram-bot's Application with WHERE updates in its queue, as its webhook server leaves them there
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import timedelta
from itertools import count
from typing import Any

import anyio
import anyio.to_thread
import asyncpg

from bench.queues import BODY, CONNECTIONS, LANES

KEY = 4_213_370_000_000_000_005
WAITERS = 64


async def ours(url: str) -> None:
    """Handle rows until cancelled."""
    from supervisor import database
    from supervisor.fence import FencedDatabase
    from supervisor.inbox.claims import Claims
    from supervisor.inbox.wake import Wake
    from supervisor.inbox.worker import Pace, Worker

    async with database.pool(url, size=CONNECTIONS, application_name="bench") as pool:
        term = await next_term(pool)
        fenced, claims = FencedDatabase(pool, KEY, term), Claims(term.epoch)
        async with anyio.create_task_group() as group:
            await group.start(served, Worker(fenced, claims, nothing, Wake(), pace=Pace(handlers=LANES)))
            _say_ready()


async def next_term(pool: Any) -> Any:
    """Begin a term on the database of `pool`; the one before is over."""
    from supervisor.clock import boottime
    from supervisor.sql import sql
    from supervisor.term import Term

    await pool.execute("SELECT lock_release(lock_key, instance_id, epoch) FROM lock_heartbeat")
    won = await pool.fetchrow(sql("lock_claim"), KEY, "bench", 3_600_000, 0, 0, "free", False)
    return Term(won["epoch"], "bench", window=3600, sent_at=boottime(), timeline=won["timeline"])


async def served(child: Any, *, task_status: Any) -> None:
    """Run a child of the supervisor in a task group."""
    await child.serve(task_status=task_status)


async def of_writer(url: str) -> None:
    """Put arrivals until cancelled."""
    from bot.ports import Arrival
    from supervisor.inbox.writer import Writer

    writer, numbers, own = Writer(lambda: url), count(1), f"{os.getpid()} {time.time_ns()}"

    async def put() -> None:
        while True:
            number = next(numbers)
            chat = 1000 + number % 100_000
            body = (BODY % (number, number, chat, chat)).encode()
            await writer.put(Arrival("kie", f"{own} {number}", f"chat:{chat}", body))

    async with anyio.create_task_group() as group:
        await group.start(served, writer)
        _say_ready()
        for _ in range(WAITERS):
            group.start_soon(put)


async def nothing(_row: Any, _connection: Any) -> None:
    """Handle a row."""
    await anyio.lowlevel.checkpoint()


async def of_pgqueuer(url: str) -> None:
    """Handle jobs until cancelled."""
    import pgqueuer
    from pgqueuer.db import AsyncpgPoolDriver

    async with asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        queue = pgqueuer.PgQueuer(AsyncpgPoolDriver(pool))

        @queue.entrypoint("inbox")
        async def handle(_job: pgqueuer.Job) -> None:
            await anyio.lowlevel.checkpoint()

        _say_ready()
        await queue.run(batch_size=50, max_concurrent_tasks=max(100, LANES), dequeue_timeout=timedelta(seconds=1))


async def of_ptb(updates: str) -> None:
    """Hold updates in memory until cancelled; nobody takes them."""
    from telegram import Update
    from telegram.ext import Application

    application = Application.builder().token("7:" + "a" * 35).updater(None).job_queue(None).build()
    for number in range(int(updates)):
        chat = 1000 + number % 100_000
        text = BODY % (number, number, chat, chat)
        await application.update_queue.put(Update.de_json(json.loads(text), application.bot))
    _say_ready()
    await anyio.sleep_forever()


KINDS = {"ours": ours, "writer": of_writer, "pgqueuer": of_pgqueuer, "PTB": of_ptb}


def _say_ready() -> None:
    print("ready", flush=True)


async def main(kind: str, where: str) -> None:
    """Hold what is to be held until the input ends."""
    async with anyio.create_task_group() as group:
        group.start_soon(KINDS[kind], where)
        await anyio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
        group.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2])
