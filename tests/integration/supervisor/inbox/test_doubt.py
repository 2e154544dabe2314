"""A round whose commit is in doubt, on a real PostgreSQL: nothing of it is undone that was handled."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from supervisor.inbox.claims import Row
from supervisor.inbox.wake import Wake
from supervisor.inbox.worker import Pace, Worker
from tests.integration.children import running
from tests.integration.supervisor.inbox.conftest import Sample, Tenure, states, store, until

CLAIMED = "SELECT EXISTS (SELECT FROM inbox WHERE state = 'claimed')"
SETTLED = "SELECT EXISTS (SELECT FROM inbox WHERE state = 'done')"
LATE = "INSERT INTO inbox (source, dedupe_key, lane, body) VALUES ('telegram', $1::text, 'chat:1', '')"


class Freezing:
    """A term's database whose backend is frozen with the first COMMIT of a claim, and goes on after `seconds`."""

    def __init__(self, tenure: Tenure, seconds: float) -> None:
        self._database = tenure.database
        self._seconds = seconds
        self.frozen = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._database.transaction() as connection:
            yield connection
            if not self.frozen and await connection.fetchval(CLAIMED):
                self.frozen = connection.get_server_pid()
                os.kill(self.frozen, signal.SIGSTOP)
                asyncio.get_running_loop().call_later(self._seconds, os.kill, self.frozen, signal.SIGCONT)


class Losing:
    """A term's database that loses its connection once, right before the commit of the first settlement."""

    def __init__(self, tenure: Tenure) -> None:
        self._database = tenure.database
        self.lost = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._database.transaction() as connection:
            yield connection
            if not self.lost and await connection.fetchval(SETTLED):
                self.lost += 1
                raise ConnectionResetError("lost on purpose")


class Unanswered:
    """A term's database that loses the answer to the COMMIT of its first claim."""

    def __init__(self, tenure: Tenure) -> None:
        self._database = tenure.database
        self.lost = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._database.transaction() as connection:
            yield connection
            is_claim = not self.lost and await connection.fetchval(CLAIMED)
        if is_claim:
            self.lost += 1
            raise ConnectionResetError("lost on purpose")


@pytest.mark.parametrize("rows", [2, 5])
async def test_a_handled_row_is_not_started_again_behind_later_ones_when_its_settlement_is_lost(
    pool: Any, tenure: Tenure, rows: int
) -> None:
    """I3: handlers that wrote nothing settle with a round; that round is lost once, and the lane keeps its order."""
    database, seen, keys = Losing(tenure), list[str](), [str(number) for number in range(rows)]

    async def handle(row: Row, _: Any) -> None:
        seen.append(row.dedupe_key)

    async def settled() -> bool:
        return all(state == "done" for state, _ in (await states(pool)).values())

    await store(pool, *(Sample(key) for key in keys))
    pace = Pace(poll_seconds=0.02)
    worker = Worker(database, tenure.claims, handle, Wake(), pace=pace, rng=random.Random(1))
    async with running(worker.serve):
        await until(settled)
    assert database.lost == 1
    assert seen == keys
    assert set((await states(pool)).values()) == {("done", 1)}


async def test_a_drain_hands_back_what_a_claim_in_doubt_has_taken(pool: Any, tenure: Tenure) -> None:
    """Also a row that was not started with its claim, because it was tried before; its count is what it was."""
    database = Unanswered(tenure)
    (number,) = await store(pool, Sample("1"))
    async with tenure.database.transaction() as connection:
        await connection.execute("UPDATE inbox SET attempts = 1 WHERE id = $1", number)

    async def handle(_: Row, __: Any) -> None:
        await anyio.sleep_forever()

    async def lost() -> bool:
        return database.lost == 1

    async with running(Worker(database, tenure.claims, handle, Wake(), grace=lambda: 0.0).serve):
        await until(lost)
    assert await states(pool) == {"1": ("ready", 1)}


async def test_a_row_that_was_committed_late_is_handled_before_later_ones_of_its_lane(
    pool: Any, tenure: Tenure
) -> None:
    """I3: another instance's batch got its ids first and was committed last; the chat's next update came after that."""
    seen, wake = list[str](), Wake()

    async def handle(row: Row, _: Any) -> None:
        seen.append(row.dedupe_key)

    async def handled(number: int) -> None:
        async def reached() -> bool:
            return len(seen) >= number

        await until(reached)

    worker = Worker(tenure.database, tenure.claims, handle, wake, rng=random.Random(1))
    rounds = range(10)
    async with running(worker.serve):
        for turn in rounds:
            async with pool.acquire() as slow, slow.transaction():
                await slow.execute(LATE, f"{turn} late")
                await store(pool, Sample(f"{turn} other", "chat:2"))
                wake.set()
                await handled(3 * turn + 1)
            await store(pool, Sample(f"{turn} next", "chat:1"))
            wake.set()
            await handled(3 * turn + 3)
    assert seen == [f"{turn} {name}" for turn in rounds for name in ("other", "late", "next")]


@pytest.mark.parametrize("rows", [["chat:1", "chat:1"], ["chat:1", "chat:2"]], ids=["one lane", "two lanes"])
async def test_a_claim_whose_commit_comes_late_is_waited_for(pool: Any, tenure: Tenure, rows: list[str]) -> None:
    """I3, I6: the commit was given up after two seconds and happened; its row is neither nobody's nor overtaken."""
    seen, database = list[str](), Freezing(tenure, 3.2)

    async def handle(row: Row, connection: Any) -> None:
        seen.append(row.dedupe_key)

    async def settled() -> bool:
        return all(state == "done" for state, _ in (await states(pool)).values())

    await store(pool, *(Sample(str(number), lane) for number, lane in enumerate(rows)))
    worker = Worker(database, tenure.claims, handle, Wake(), pace=Pace(poll_seconds=0.05), rng=random.Random(1))
    async with running(worker.serve):
        await until(settled)
    assert database.frozen
    assert seen == ["0", "1"]
    assert set((await states(pool)).values()) == {("done", 1)}


async def test_a_drain_waits_for_a_claim_in_doubt_and_gives_it_back(pool: Any, tenure: Tenure) -> None:
    """Given back before that commit, its row would stay claimed, with a start that nobody made."""
    database, drained = Freezing(tenure, 2.6), list[int]()

    async def handle(_: Row, __: Any) -> None:
        raise AssertionError("it was never started")

    async def frozen() -> bool:
        return bool(database.frozen)

    await store(pool, Sample("1"))
    worker = Worker(
        database,
        tenure.claims,
        handle,
        Wake(),
        handed_back=lambda rows, _: drained.append(rows),
        pace=Pace(poll_seconds=0.05),
        rng=random.Random(1),
    )
    async with running(worker.serve):
        await until(frozen)
    assert drained == [1]
    assert await states(pool) == {"1": ("ready", 0)}
