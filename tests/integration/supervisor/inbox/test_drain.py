"""The end of a worker on a real PostgreSQL: handlers finish, the rest is handed back."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from telemetry import events, testing
from tests.integration.children import running
from tests.integration.supervisor.inbox.bench import Bench, settled, worker
from tests.integration.supervisor.inbox.conftest import (
    DEADLINE_SECONDS,
    Begin,
    Sample,
    Tenure,
    states,
    store,
    until,
)

pytestmark = pytest.mark.usefixtures("quick_retries")


async def test_a_drain_lets_handlers_finish_and_hands_the_rest_back(pool: Any, tenure: Tenure) -> None:
    """What runs is done, what was only claimed is ready with its attempts unchanged; nothing is lost."""
    gate = anyio.Event()
    bench = Bench(gate=gate)

    def begins() -> float:
        """Let the handlers end: the drain asks how long it may take."""
        gate.set()
        return 5.0

    await store(pool, *(Sample(str(number), f"chat:{number}") for number in range(6)))
    with testing.record() as recorded:
        async with running(worker(tenure, bench.handle, grace=begins).serve):
            await until(lambda: running_handlers(bench, 2))
    assert await states(pool) == {
        **{str(number): ("done", 1) for number in range(2)},
        **{str(number): ("ready", 0) for number in range(2, 6)},
    }
    assert [event.handed_back for event in recorded.all(events.InboxDrained)] == [4]


async def running_handlers(bench: Bench, number: int) -> bool:
    return sum(map(len, bench.seen.values())) == number


async def test_a_handler_beyond_the_drains_deadline_is_rolled_back_and_handed_back(pool: Any, tenure: Tenure) -> None:
    """Its row is ready again, its start is not held against it, and it left nothing."""
    bench = Bench(gate=anyio.Event())
    await store(pool, Sample("1"), Sample("2"))
    with testing.record() as recorded, anyio.fail_after(DEADLINE_SECONDS):
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
