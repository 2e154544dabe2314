"""Handlers that leave something behind: a cancellation of their own, a task that outlives them."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import anyio

from supervisor.inbox.claims import Row
from supervisor.inbox.slots import Slot
from supervisor.inbox.wake import Wake
from supervisor.inbox.worker import Pace, Worker
from supervisor.inbox.writing import Ended, Writing
from tests.integration.children import running
from tests.integration.supervisor.inbox.conftest import Sample, Tenure, states, store, until

PACE = Pace(poll_seconds=0.02)


async def test_a_cancellation_of_the_handlers_own_is_its_failure_and_no_more(pool: Any, tenure: Tenure) -> None:
    """It awaited something that somebody had cancelled; the worker and every other chat go on."""

    async def handle(row: Row, _: Any) -> None:
        if row.lane == "chat:1":
            cancelled = asyncio.get_running_loop().create_future()
            cancelled.cancel()
            await cancelled

    async def noted() -> bool:
        return bool(await pool.fetchval("SELECT last_error LIKE 'CancelledError%' FROM inbox WHERE lane = 'chat:1'"))

    async def others() -> bool:
        found = await states(pool)
        return found["2"] == found["3"] == ("done", 1)

    await store(pool, Sample("1"), Sample("2", "chat:2"))
    worker = Worker(tenure.database, tenure.claims, handle, Wake(), pace=PACE, rng=random.Random(1))
    async with running(worker.serve):
        await until(noted)
        await store(pool, Sample("3", "chat:3"))
        await until(others)
    assert (await states(pool))["1"][0] == "ready", "given back by the drain, which had an end"


async def test_a_task_that_outlives_its_handler_gets_no_transaction_and_keeps_no_turn(tenure: Tenure) -> None:
    """It waited for its turn when the handler ended: six of those would stop every handler that writes."""
    turns, refused = anyio.Semaphore(1), list[Ended]()
    await turns.acquire()
    async with anyio.create_task_group() as strays:
        async with Writing(tenure.database, turns, Slot(), 30.0) as writing:

            async def stray() -> None:
                try:
                    await writing.execute("INSERT INTO users (id, language) VALUES (1, 'en')")
                except Ended as error:
                    refused.append(error)

            strays.start_soon(stray)
            while not turns.statistics().tasks_waiting:
                await anyio.lowlevel.checkpoint()
        turns.release()
    assert len(refused) == 1
    assert turns.value == 1
    async with tenure.database.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM users") == 0
