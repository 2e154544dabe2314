"""A database that is there and gives up on a statement: a lock held for long, a deadlock, a limit of its own."""

from __future__ import annotations

import random
from typing import Any

import pytest

from supervisor.database import connected
from supervisor.inbox.claims import Row
from supervisor.inbox.wake import Wake
from supervisor.inbox.worker import Pace, Worker
from tests.integration.children import running
from tests.integration.supervisor.inbox.conftest import Sample, Tenure, states, store, until

CANCEL = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
"""What `statement_timeout` does to whoever waits, without its five seconds."""
TABLES = ["inbox", "users"]
WRITE = "INSERT INTO users (id, language) VALUES ($1::bigint, 'ru')"
FAILED = "SELECT count(*) FROM inbox WHERE last_error IS NOT NULL"


@pytest.mark.parametrize("table", TABLES)
async def test_a_statement_that_is_given_up_for_a_lock_costs_neither_a_start_nor_the_worker(
    pool: Any, tenure: Tenure, database_url: str, table: str
) -> None:
    """A table is locked for a while, as by VACUUM FULL: rounds and handlers wait, and no row is a failure for it."""

    async def handle(row: Row, connection: Any) -> None:
        await connection.execute(WRITE, row.id)

    async def settled() -> bool:
        return all(state == "done" for state, _ in (await states(pool)).values())

    async def given_up() -> bool:
        return bool(await pool.fetch(CANCEL))

    await store(pool, *(Sample(str(number), f"chat:{number}") for number in range(2)))
    worker = Worker(tenure.database, tenure.claims, handle, Wake(), pace=Pace(poll_seconds=0.02), rng=random.Random(1))
    async with connected(database_url, application_name="test") as blocker:
        transaction = blocker.transaction()
        await transaction.start()
        await blocker.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        async with running(worker.serve):
            await until(given_up)
            await transaction.rollback()
            await until(settled)
    assert set((await states(pool)).values()) == {("done", 1)}
    assert await pool.fetchval(FAILED) == 0
