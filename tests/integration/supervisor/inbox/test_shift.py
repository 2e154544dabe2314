"""Rounds, slots and lazy transactions of a worker on a real PostgreSQL; what goes wrong is drawn from a printed seed."""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import pytest
from anyio.abc import TaskStatus

from supervisor.fence import FencedDatabase
from supervisor.inbox.claims import Row
from supervisor.inbox.lanes import MAX_STARTS
from supervisor.inbox.wake import Wake
from supervisor.inbox.worker import Pace, Worker
from telemetry import events, testing
from tests.integration.children import running
from tests.integration.supervisor.inbox.conftest import DEADLINE_SECONDS, Sample, Tenure, states, store, until

EFFECT = "INSERT INTO outbox (lane, chat_id, method, params) VALUES ($1, $2, 'sendMessage', '{}')"
SETTLED = "SELECT count(*) = $1 FROM inbox WHERE state IN ('done', 'dead')"
PACE = Pace(handlers=64, transactions=2, poll_seconds=0.02, handler_seconds=5.0)


class Broken(Exception):
    """What the handlers of these tests raise."""


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries at once, and no pause for a lost database: their delays have tests of their own."""
    monkeypatch.setattr("supervisor.child.Backoff.delay", lambda *_: 0.001)
    monkeypatch.setattr("supervisor.inbox.shift.PASSING_PAUSE", 0.001)


def worker(tenure: Tenure, handle: Any, *, database: Any = None, **options: Any) -> Worker:
    options.setdefault("pace", PACE)
    return Worker(database or tenure.database, tenure.claims, handle, Wake(), rng=random.Random(1), **options)


async def settled(pool: Any, number: int) -> None:
    async def found() -> bool:
        return bool(await pool.fetchval(SETTLED, number))

    await until(found)


async def test_handlers_that_make_no_statement_need_no_connection(pool: Any, tenure: Tenure) -> None:
    """64 at once on a pool of four; they settle together and leave one line for all."""
    reached, gate = 0, anyio.Event()

    async def handle(_: Row, __: Any) -> None:
        nonlocal reached
        reached += 1
        if reached == 64:
            gate.set()
        await gate.wait()

    await store(pool, *(Sample(str(number), f"chat:{number}") for number in range(64)))
    with testing.record() as recorded:
        async with running(worker(tenure, handle).serve):
            await settled(pool, 64)
    assert set((await states(pool)).values()) == {("done", 1)}
    batches = recorded.all(events.InboxSettled)
    assert sum(event.rows for event in batches) == 64 == len(recorded.all(events.UpdateUnchanged))
    assert max(event.rows for event in batches) > 1
    assert not recorded.all(events.UpdateSettled)


async def test_handlers_that_write_wait_for_their_turn_at_no_cost_to_their_time(pool: Any, tenure: Tenure) -> None:
    """Two at once; the last one waits for far longer than a handler may take, and is not counted as too slow."""
    at_once, most = 0, 0

    async def handle(row: Row, connection: Any) -> None:
        nonlocal at_once, most
        await connection.execute(EFFECT, row.lane, 1)
        at_once += 1
        most = max(most, at_once)
        await connection.execute("SELECT pg_sleep(0.1)")
        at_once -= 1

    await store(pool, *(Sample(str(number), f"chat:{number}") for number in range(20)))
    pace = Pace(handlers=64, transactions=2, poll_seconds=0.02, handler_seconds=0.6)
    async with running(worker(tenure, handle, pace=pace).serve):
        await settled(pool, 20)
    assert most == 2
    assert set((await states(pool)).values()) == {("done", 1)}


async def test_a_handler_that_swallows_the_failure_to_begin_is_not_done(pool: Any, tenure: Tenure) -> None:
    """What it wanted to write is not there, so it is spared and started again."""
    refused = 0

    class Refusing:
        def transaction(self) -> Any:
            return self._open() if in_handler else tenure.database.transaction()

        @asynccontextmanager
        async def _open(self) -> Any:
            nonlocal refused
            refused += 1
            if refused <= 2:
                raise ConnectionResetError
            async with tenure.database.transaction() as connection:
                yield connection

    in_handler = False

    async def handle(row: Row, connection: Any) -> None:
        nonlocal in_handler
        in_handler = True
        try:
            await connection.execute(EFFECT, row.lane, 1)
        except ConnectionResetError:
            pass
        finally:
            in_handler = False

    await store(pool, Sample("1"))
    with testing.record() as recorded:
        async with running(worker(tenure, handle, database=Refusing()).serve):
            await settled(pool, 1)
    assert len(recorded.all(events.UpdateSpared)) == 2
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 1
    assert await states(pool) == {"1": ("done", 1)}


async def test_no_row_starts_before_those_ahead_of_it_are_settled(pool: Any, tenure: Tenure) -> None:
    """Also where nothing was written: what a crash makes run again is never behind what has run already."""
    unsettled: list[int] = []

    async def handle(row: Row, _: Any) -> None:
        query = "SELECT count(*) FROM inbox WHERE lane = $1 AND id < $2 AND state <> 'done'"
        unsettled.append(await pool.fetchval(query, row.lane, row.id))

    await store(pool, *(Sample(str(number), f"chat:{number % 3}") for number in range(30)))
    async with running(worker(tenure, handle).serve):
        await settled(pool, 30)
    assert unsettled == [0] * 30


async def test_a_handler_over_its_time_makes_way_and_harms_no_other(pool: Any, tenure: Tenure) -> None:
    """Its slot goes on with other rows; while it runs nobody else gets its row."""
    running_now: set[int] = set()
    doubled: list[int] = []

    async def handle(row: Row, connection: Any) -> None:
        doubled.extend({row.id} & running_now)
        running_now.add(row.id)
        try:
            await connection.execute(EFFECT, row.lane, 1)
            if row.dedupe_key == "slow":
                await anyio.sleep_forever()
        finally:
            running_now.discard(row.id)

    await store(pool, Sample("slow", "chat:0"), *(Sample(str(number), f"chat:{number}") for number in range(40)))
    pace = Pace(handlers=2, ahead=4, transactions=2, poll_seconds=0.02, handler_seconds=0.5)
    async with running(worker(tenure, handle, pace=pace).serve):
        await settled(pool, 41)
    found = await states(pool)
    assert found.pop("slow") == ("dead", MAX_STARTS)
    assert {state for state, _ in found.values()} == {"done"}
    assert not doubled


async def test_a_handler_that_ends_though_it_was_cancelled_spoils_no_other_row(pool: Any, tenure: Tenure) -> None:
    """Its slot's scope is used up: what it takes next would be cancelled at its first await."""

    async def handle(row: Row, _: Any) -> None:
        if row.dedupe_key == "next":
            await pool.fetchval("SELECT 1")
            return
        with suppress(anyio.get_cancelled_exc_class()):
            await anyio.sleep_forever()

    await store(pool, Sample("stubborn", "chat:1"), Sample("next", "chat:2"))
    pace = replace(PACE, handlers=1, handler_seconds=0.5)
    with testing.record() as recorded:
        async with running(worker(tenure, handle, pace=pace).serve):
            await settled(pool, 2)
    assert await states(pool) == {"stubborn": ("done", 1), "next": ("done", 1)}
    assert recorded.all(events.UpdateRetried) == []


@dataclass
class Chaos:
    """Handlers that fail, poison, kill connections and write or not, and a database that loses answers to commits."""

    rng: random.Random
    database: FencedDatabase
    poison: frozenset[str]
    losses: float = 0.0
    committed: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @asynccontextmanager
    async def transaction(self) -> Any:
        async with self.database.transaction() as connection:
            yield connection
        if self.rng.random() < self.losses:
            raise ConnectionResetError

    async def handle(self, row: Row, connection: Any) -> None:
        if self.rng.random() < 0.5:
            await anyio.sleep(self.rng.random() * 0.004)
        writes = int(row.dedupe_key) % 2
        if writes:
            await connection.execute(EFFECT, row.lane, int(row.dedupe_key))
        if row.dedupe_key in self.poison or self.rng.random() < 0.1:
            raise Broken
        if writes and self.rng.random() < 0.02:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        self.committed[row.lane].append(row.dedupe_key)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_fails_every_update_takes_effect_once_and_in_order(pool: Any, tenure: Tenure, seed: int) -> None:
    """I2, I3 and I5 with random failures, poison, killed connections and lost answers."""
    rng = random.Random(seed)
    poison = frozenset(map(str, rng.sample(range(300), 6)))
    chaos = Chaos(rng, tenure.database, poison, losses=0.03)
    lanes = {str(number): f"chat:{int(rng.random() ** 2 * 40)}" for number in range(300)}
    await store(pool, *(Sample(key, lane) for key, lane in lanes.items()))
    async with running(worker(tenure, chaos.handle, database=chaos).serve):
        await settled(pool, 300)
    found = await states(pool)
    dead = {key for key, (state, _) in found.items() if state == "dead"}
    assert poison <= dead
    assert all(attempts == MAX_STARTS for state, attempts in found.values() if state == "dead")
    effects: dict[str, list[int]] = defaultdict(list)
    for row in await pool.fetch("SELECT lane, chat_id FROM outbox ORDER BY id"):
        effects[row["lane"]].append(row["chat_id"])
    wanted: dict[str, list[int]] = defaultdict(list)
    for key, lane in lanes.items():
        if int(key) % 2 and key not in dead:
            wanted[lane].append(int(key))
    assert effects == wanted


@pytest.mark.parametrize("seed", range(6))
async def test_a_drain_at_any_moment_leaves_no_row_claimed_and_no_attempt_too_many(
    pool: Any, tenure: Tenure, seed: int
) -> None:
    """Under load, hundreds of lanes: done or ready, effects for exactly what is done, and the report says how many."""
    rng = random.Random(seed)
    ends = rng.randrange(1, 250)
    ended = 0
    reached = anyio.Event()

    async def handle(row: Row, connection: Any) -> None:
        nonlocal ended
        if rng.random() < 0.3:
            await anyio.sleep(rng.random() * 0.02)
        if int(row.dedupe_key) % 2:
            await connection.execute(EFFECT, row.lane, int(row.dedupe_key))
        ended += 1
        if ended == ends:
            reached.set()

    keys = range(600)
    await store(pool, *(Sample(str(number), f"chat:{number % 250}") for number in keys))
    told: list[tuple[int, int]] = []
    grace = rng.choice((0.0, 0.01, 5.0))
    draining = worker(tenure, handle, grace=lambda: grace, handed_back=lambda *left: told.append(left))
    with testing.record() as recorded:
        async with running(draining.serve):
            with anyio.fail_after(DEADLINE_SECONDS):
                await reached.wait()
            for _ in range(rng.randrange(4)):
                await anyio.lowlevel.checkpoint()
    found = await states(pool)
    done = {int(key) for key, state in found.items() if state == ("done", 1)}
    assert {state for key, state in found.items() if int(key) not in done} <= {("ready", 0)}
    rows = await pool.fetch("SELECT chat_id FROM outbox")
    assert sorted(row["chat_id"] for row in rows) == sorted(key for key in done if key % 2)
    (drained,) = recorded.all(events.InboxDrained)
    assert drained.failure is None
    assert told == [(drained.handed_back, drained.lanes)]
    assert drained.lanes <= drained.handed_back
    assert len(drained.first_ids) == min(20, drained.lanes)


async def test_outcomes_are_written_before_the_rest_is_handed_back(pool: Any, tenure: Tenure) -> None:
    """A handler that ended in the drain is done, though no round comes any more; one that ran on is ready again."""
    reached, gate = anyio.Event(), anyio.Event()

    async def handle(row: Row, _: Any) -> None:
        reached.set()
        await (gate.wait() if row.dedupe_key == "quick" else anyio.sleep_forever())

    async def open_late(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        with anyio.CancelScope(shield=True):
            await reached.wait()
            await pool.fetchval("SELECT pg_sleep(0.05)")
            gate.set()

    await store(pool, Sample("quick", "chat:1"), Sample("endless", "chat:2"))
    with testing.record() as recorded:
        async with running(worker(tenure, handle, grace=lambda: 0.2).serve, open_late):
            await reached.wait()
    assert await states(pool) == {"quick": ("done", 1), "endless": ("ready", 0)}
    assert [(event.handed_back, event.lanes) for event in recorded.all(events.InboxDrained)] == [(1, 1)]
