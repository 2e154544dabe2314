"""Handlers on a real PostgreSQL: order, failures, poison, losses."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import anyio
import pytest
from anyio.abc import TaskStatus

from supervisor.inbox.claims import Row
from supervisor.inbox.lanes import MAX_STARTS
from supervisor.inbox.wake import Wake
from supervisor.inbox.worker import Pace, Worker
from supervisor.inbox.writer import Writer
from telemetry import events, testing
from tests.integration.children import running
from tests.integration.supervisor.inbox.bench import Bench, Broken, settled, worker
from tests.integration.supervisor.inbox.conftest import DEADLINE_SECONDS, Sample, Tenure, states, store, until

pytestmark = pytest.mark.usefixtures("quick_retries")


async def test_handlers_done_and_effects_commit_together(pool: Any, tenure: Tenure) -> None:
    """Every row is done and left its effect, in the order of its lane."""
    bench = Bench()
    await store(pool, *(Sample(str(number), f"chat:{number % 3}") for number in range(30)))
    async with running(worker(tenure, bench.handle).serve):
        await until(settled(pool, 30))
    assert bench.seen == {f"chat:{lane}": [str(n) for n in range(lane, 30, 3)] for lane in range(3)}
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 30
    assert set((await states(pool)).values()) == {("done", 1)}


async def test_a_failing_handler_leaves_nothing_and_is_tried_again_before_what_follows(
    pool: Any, tenure: Tenure
) -> None:
    """Its writes are rolled back with its done; its lane waits for it, in order; the other lane does not."""
    bench = Bench(failing={"1": 3})
    await store(pool, Sample("1"), Sample("2"), Sample("3", "chat:2"))
    with testing.record() as recorded:
        async with running(worker(tenure, bench.handle).serve):
            await until(settled(pool, 3))
    assert bench.seen["chat:1"] == ["1", "1", "1", "1", "2"]
    assert await states(pool) == {"1": ("done", 4), "2": ("done", 1), "3": ("done", 1)}
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 3
    assert [event.outcome for event in recorded.all(events.UpdateSettled)].count("failed") == 3


async def test_a_poison_update_ends_dead_and_its_chat_goes_on(pool: Any, tenure: Tenure) -> None:
    """After five starts the row is a dead letter with a reason, and the next row of the chat is handled."""
    bench = Bench(failing={"1": 99})
    await store(pool, Sample("1"), Sample("2"))
    with testing.record() as recorded:
        async with running(worker(tenure, bench.handle).serve):
            await until(settled(pool, 2))
    assert bench.seen["chat:1"] == ["1"] * MAX_STARTS + ["2"]
    assert await states(pool) == {"1": ("dead", MAX_STARTS), "2": ("done", 1)}
    assert "Broken" in await pool.fetchval("SELECT last_error FROM inbox WHERE state = 'dead'")
    assert [event.attempts for event in recorded.all(events.UpdateDead)] == [MAX_STARTS]


async def test_a_hopeless_update_is_started_once(pool: Any, tenure: Tenure) -> None:
    """What can never be handled does not hold up its chat."""
    bench = Bench(failing={"1": 99})
    await store(pool, Sample("1"), Sample("2"))
    async with running(worker(tenure, bench.handle, hopeless=(Broken,)).serve):
        await until(settled(pool, 2))
    assert await states(pool) == {"1": ("dead", 1), "2": ("done", 1)}


async def test_a_handler_that_killed_its_process_five_times_is_not_started_again(pool: Any, tenure: Tenure) -> None:
    """The count was written before each start, so it survived each of them."""
    bench = Bench()
    (number,) = await store(pool, Sample("1"))
    await store(pool, Sample("2"))
    async with tenure.database.transaction() as connection:
        await connection.execute("UPDATE inbox SET attempts = 5 WHERE id = $1", number)
    async with running(worker(tenure, bench.handle).serve):
        await until(settled(pool, 2))
    assert bench.seen["chat:1"] == ["2"]
    assert await states(pool) == {"1": ("dead", 5), "2": ("done", 1)}


@pytest.mark.parametrize("failures", [0, 1])
async def test_the_start_is_written_down_before_the_handler_runs(pool: Any, tenure: Tenure, failures: int) -> None:
    """Another connection sees the attempt while the handler runs, the first one as well as the next."""
    bench = Bench(gate=anyio.Event(), failing={"1": failures})
    await store(pool, Sample("1"))
    async with running(worker(tenure, bench.handle).serve):
        await bench.reached.wait()
        assert await states(pool) == {"1": ("claimed", 1 + failures)}
        assert bench.gate is not None
        bench.gate.set()
        await until(settled(pool, 1))


async def test_a_handler_that_takes_too_long_is_rolled_back_and_counted(pool: Any, tenure: Tenure) -> None:
    """It cannot hold its chat for ever."""
    bench = Bench(gate=anyio.Event())
    await store(pool, Sample("1"))
    pace = Pace(handlers=2, poll_seconds=0.02, handler_seconds=0.03)
    async with running(worker(tenure, bench.handle, pace=pace).serve):
        await until(settled(pool, 1))
    assert await states(pool) == {"1": ("dead", MAX_STARTS)}
    assert "TooSlow" in await pool.fetchval("SELECT last_error FROM inbox")
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_the_loss_of_the_database_costs_no_attempt(pool: Any, tenure: Tenure) -> None:
    """A handler whose connection is killed is started again with the count it had."""
    killed = [0]

    async def handle(row: Row, connection: Any) -> None:
        if killed[0] < 3:
            killed[0] += 1
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    await store(pool, Sample("1"))
    with testing.record() as recorded:
        async with running(worker(tenure, handle).serve):
            await until(settled(pool, 1))
    assert await states(pool) == {"1": ("done", 1)}
    assert len(recorded.all(events.UpdateSpared)) == 3


@pytest.mark.parametrize("writes", [False, True])
async def test_a_commit_whose_answer_was_lost_is_not_repeated(pool: Any, tenure: Tenure, writes: bool) -> None:
    """The row is found settled, so its handler does not run again."""
    starts: list[str] = []

    async def handle(row: Row, connection: Any) -> None:
        starts.append(row.dedupe_key)
        if writes:
            await connection.execute("SELECT 1")

    class Lossy:
        """Loses the answer to the first commit of a handler."""

        async def __aenter__(self) -> Any:
            self.inner = tenure.database.transaction()
            return await self.inner.__aenter__()

        async def __aexit__(self, *failure: Any) -> None:  # noqa: PYI036 - passed on as it is
            before = await pool.fetchval("SELECT count(*) FROM inbox WHERE state = 'done'")
            await self.inner.__aexit__(*failure)
            if await pool.fetchval("SELECT count(*) FROM inbox WHERE state = 'done'") > before and len(starts) == 1:
                raise ConnectionResetError

    class Database:
        def transaction(self) -> Any:
            return Lossy()

    await store(pool, Sample("1"), Sample("2"))
    lossy = Worker(Database(), tenure.claims, handle, Wake(), pace=Pace(handlers=1, poll_seconds=0.02))
    async with running(lossy.serve):
        await until(settled(pool, 2))
        with anyio.fail_after(DEADLINE_SECONDS):
            while starts != ["1", "2"]:
                await anyio.lowlevel.checkpoint()
    assert starts == ["1", "2"]
    assert await states(pool) == {"1": ("done", 1), "2": ("done", 1)}


async def test_the_writers_commit_starts_the_handler_without_waiting_for_a_poll(
    database_url: str, pool: Any, tenure: Tenure
) -> None:
    """The event in the process is the fast way; the poll here is a minute."""
    bench, writer = Bench(), Writer(lambda: database_url)
    pace = Pace(handlers=2, poll_seconds=60)
    async with running(writer.serve, worker(tenure, bench.handle, writer.stored, pace=pace).serve):
        for number in range(20):
            await writer.put(Sample(str(number)))
        await until(settled(pool, 20))


async def test_the_worker_survives_the_loss_of_every_connection(pool: Any, tenure: Tenure) -> None:
    """Backends are killed again and again; every row is handled once, in order."""
    bench = Bench()
    await store(pool, *(Sample(str(number), f"chat:{number % 5}") for number in range(200)))
    committed: dict[str, list[str]] = defaultdict(list)

    async def handle(row: Row, connection: Any) -> None:
        await bench.handle(row, connection)
        committed[row.lane].append(row.dedupe_key)

    async def kill(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        for number in range(5):
            await until(lambda number=number: enough(committed, 20 * number))  # type: ignore[misc]
            await pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database() AND application_name = 'vigil test'"
            )
        await anyio.sleep_forever()

    async with running(worker(tenure, handle).serve, kill):
        await until(settled(pool, 200))
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 200
    assert await pool.fetchval("SELECT count(*) FROM inbox WHERE state = 'done'") == 200
    for lane, keys in committed.items():
        firsts = list(dict.fromkeys(keys))
        assert firsts == sorted(firsts, key=int), lane


async def enough(committed: dict[str, list[str]], number: int) -> bool:
    return sum(map(len, committed.values())) >= number
