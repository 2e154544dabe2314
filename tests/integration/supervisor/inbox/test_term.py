"""A worker and its term on a real PostgreSQL: what it takes over, and when it may commit no more."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from anyio.abc import TaskStatus

from supervisor.fence import Fenced
from supervisor.inbox.claims import Row
from supervisor.term import TrustLost
from telemetry import events, testing
from tests.integration.children import running
from tests.integration.supervisor.inbox.bench import Bench, settled, worker
from tests.integration.supervisor.inbox.conftest import DEADLINE_SECONDS, Begin, Sample, Tenure, store, until

pytestmark = pytest.mark.usefixtures("quick_retries")


async def first(pool: Any) -> int:
    number: int = await pool.fetchval("SELECT min(id) FROM inbox WHERE state = 'ready'")
    return number


async def test_rows_that_an_older_term_had_claimed_are_handled_at_once(pool: Any, begin: Begin) -> None:
    """A killed instance leaves claimed rows; no lease has to run out first."""
    bench, old = Bench(), await begin()
    await store(pool, Sample("1"), Sample("2"))
    async with old.database.transaction() as connection:
        await old.claims.claim(connection, {await first(pool): 0})
    with testing.record() as recorded:
        async with running(worker(await begin(), bench.handle).serve):
            await until(settled(pool, 2))
    assert bench.seen["chat:1"] == ["1", "2"]
    assert [event.rows for event in recorded.all(events.InboxRecovered)] == [1]


async def test_a_worker_started_again_in_its_term_takes_back_what_it_had(pool: Any, tenure: Tenure) -> None:
    """A crash of the child alone leaves no row behind."""
    bench = Bench()
    await store(pool, Sample("1"))
    async with tenure.database.transaction() as connection:
        await tenure.claims.claim(connection, {await first(pool): 0})
    async with running(worker(tenure, bench.handle).serve):
        await until(settled(pool, 1))


async def test_a_stale_epoch_settles_nothing_and_its_worker_ends(pool: Any, begin: Begin) -> None:
    """A handler that outlives its term commits nothing; its successor handles the row."""
    bench, old = Bench(gate=anyio.Event()), await begin()
    await store(pool, Sample("1"))

    async def over(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        await bench.reached.wait()
        assert bench.gate is not None
        # The claim of the next epoch waits until no fenced transaction is open, so the old one is killed by force.
        await pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' "
            "AND datname = current_database()"
        )
        await begin()
        bench.gate.set()
        await anyio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as failed, anyio.fail_after(DEADLINE_SECONDS):
        async with running(worker(old, bench.handle).serve, over):
            await anyio.sleep_forever()
    assert failed.value.subgroup(Fenced) is not None or failed.value.subgroup(TrustLost) is not None
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0
    fresh = Bench()
    async with running(worker(await begin(), fresh.handle).serve):
        await until(settled(pool, 1))
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 1


async def test_a_term_that_ends_under_a_handler_is_no_failure_of_its_row(pool: Any, tenure: Tenure) -> None:
    """The successor starts it; nothing is said of an update that has failed."""

    async def handle(_: Row, connection: Any) -> None:
        tenure.term.end("test")
        await connection.execute("SELECT 1")

    await store(pool, Sample("1"))
    with (
        testing.record() as recorded,
        pytest.raises(BaseExceptionGroup) as failed,
        anyio.fail_after(DEADLINE_SECONDS),
    ):
        async with running(worker(tenure, handle).serve):
            await anyio.sleep_forever()
    assert failed.value.subgroup(TrustLost) is not None
    assert recorded.all(events.UpdateSettled) == []


async def test_a_term_that_lost_its_trust_ends_the_worker(pool: Any, tenure: Tenure) -> None:
    """The next transaction is refused before it begins, and the worker says why it ended."""

    async def end(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        tenure.term.end("test")
        await anyio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as failed, anyio.fail_after(DEADLINE_SECONDS):
        async with running(worker(tenure, Bench().handle).serve, end):
            await anyio.sleep_forever()
    assert failed.value.subgroup(TrustLost) is not None
