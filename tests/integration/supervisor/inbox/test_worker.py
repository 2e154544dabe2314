"""The worker on a real PostgreSQL: order, failures, losses, drains and the end of a term."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from anyio.abc import TaskStatus

from supervisor.fence import Fenced
from supervisor.inbox.attempt import Handle
from supervisor.inbox.claims import Row
from supervisor.inbox.lanes import MAX_STARTS
from supervisor.inbox.wake import Wake
from supervisor.inbox.worker import Pace, Worker
from supervisor.inbox.writer import Writer
from supervisor.term import TrustLost
from telemetry import events, testing
from tests.integration.children import running
from tests.integration.supervisor.inbox.conftest import (
    DEADLINE_SECONDS,
    Begin,
    Sample,
    Tenure,
    states,
    store,
    until,
)


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


async def first(pool: Any) -> int:
    number: int = await pool.fetchval("SELECT min(id) FROM inbox WHERE state = 'ready'")
    return number


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries at once: their delays have tests of their own."""
    monkeypatch.setattr("supervisor.child.Backoff.delay", lambda *_: 0.001)


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


async def test_the_start_is_written_down_before_the_handler_runs(pool: Any, tenure: Tenure) -> None:
    """Another connection sees the attempt while the handler runs."""
    bench = Bench(gate=anyio.Event())
    await store(pool, Sample("1"))
    async with running(worker(tenure, bench.handle).serve):
        await bench.reached.wait()
        assert await states(pool) == {"1": ("claimed", 1)}
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


async def test_a_commit_whose_answer_was_lost_is_not_repeated(pool: Any, tenure: Tenure) -> None:
    """The row is found settled, so its handler does not run again."""
    starts: list[str] = []

    async def handle(row: Row, connection: Any) -> None:
        starts.append(row.dedupe_key)

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


async def test_a_drain_lets_handlers_finish_and_hands_the_rest_back(pool: Any, tenure: Tenure) -> None:
    """What runs is done, what was only claimed is ready with its attempts unchanged; nothing is lost."""
    bench = Bench(gate=anyio.Event())
    await store(pool, *(Sample(str(number), f"chat:{number}") for number in range(6)))
    draining = worker(tenure, bench.handle, grace=lambda: 5.0)
    with testing.record() as recorded:
        async with anyio.create_task_group() as group, running(draining.serve):
            await until(lambda: running_handlers(bench, 2))
            assert bench.gate is not None
            group.start_soon(_open_later, pool, bench.gate)
    assert await states(pool) == {
        **{str(number): ("done", 1) for number in range(2)},
        **{str(number): ("ready", 0) for number in range(2, 6)},
    }
    assert [event.handed_back for event in recorded.all(events.InboxDrained)] == [4]


async def running_handlers(bench: Bench, number: int) -> bool:
    return sum(map(len, bench.seen.values())) == number


async def _open_later(pool: Any, gate: anyio.Event) -> None:
    """Open the gate when the drain has surely begun."""
    for _ in range(10):
        await pool.fetchval("SELECT 1")
    gate.set()


async def test_a_handler_beyond_the_drains_deadline_is_rolled_back_and_handed_back(pool: Any, tenure: Tenure) -> None:
    """Its row is ready again, its start is not held against it, and it left nothing."""
    bench = Bench(gate=anyio.Event())
    await store(pool, Sample("1"), Sample("2"))
    with testing.record() as recorded:
        async with running(worker(tenure, bench.handle, grace=lambda: 0.0).serve):
            await bench.reached.wait()
    assert await states(pool) == {"1": ("ready", 0), "2": ("ready", 0)}
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0
    assert len(recorded.all(events.UpdateInterrupted)) == 1


async def test_after_a_drain_the_next_term_goes_on_in_order(pool: Any, begin: Begin) -> None:
    """A handover in the middle of a lane changes nothing of its order."""
    bench = Bench()
    await store(pool, *(Sample(str(number)) for number in range(40)))
    for done in (10, 20, 30):
        async with running(worker(await begin(), bench.handle, grace=lambda: 5.0).serve):
            await until(lambda done=done: seen(bench, done))  # type: ignore[misc]  # mypy cannot infer the default
    async with running(worker(await begin(), bench.handle).serve):
        await until(settled(pool, 40))
    assert bench.seen["chat:1"] == [str(number) for number in range(40)]


async def seen(bench: Bench, number: int) -> bool:
    return len(bench.seen["chat:1"]) >= number


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
