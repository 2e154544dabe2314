"""A commit whose answer was lost: what it did is told as it was, by whoever finds it, once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from supervisor.inbox.claims import Row
from supervisor.inbox.wake import Wake
from supervisor.inbox.worker import Pace, Worker
from telemetry import events, testing
from tests.integration.children import running
from tests.integration.supervisor.inbox.conftest import Sample, Tenure, states, store

PACE = Pace(poll_seconds=0.02, handler_seconds=0.3)
STARTED = "UPDATE inbox SET attempts = 4"


class Silent:
    """A term's database of which one commit is not answered: the first after which `happened` says so."""

    def __init__(self, tenure: Tenure, happened: Callable[[], Awaitable[bool]], silence: Callable[[], Any]) -> None:
        self._database = tenure.database
        self._happened = happened
        self._silence = silence
        self.silent = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._database.transaction() as connection:
            yield connection
        if not self.silent and await self._happened():
            self.silent += 1
            await self._silence()


async def lost() -> None:
    """End as a connection that was cut does."""
    raise ConnectionResetError("lost on purpose")


async def test_a_dead_letter_is_told_as_one_when_the_answer_to_its_commit_is_lost(pool: Any, tenure: Tenure) -> None:
    """The next round finds the row ended: by its own dead letter, not by a handler that committed."""

    async def handle(_: Row, __: Any) -> None:
        raise LookupError("hopeless")

    async def dead() -> bool:
        return all(state == "dead" for state, _ in (await states(pool)).values())

    await store(pool, Sample("1"), Sample("2", "chat:2"))
    database = Silent(tenure, dead, lost)
    commits = list[None]()
    worker = Worker(
        database,
        tenure.claims,
        handle,
        Wake(),
        hopeless=(LookupError,),
        committed=lambda: commits.append(None),
        pace=PACE,
        rng=random.Random(1),
    )
    with testing.record() as recorded:
        async with running(worker.serve):
            for _ in range(2):
                await recorded.next(events.UpdateDead)
    assert database.silent == 1
    assert Counter(event.outcome for event in recorded.all(events.UpdateSettled)) == {"failed": 2, "dead": 2}
    assert commits == []


async def test_a_last_start_that_was_cut_short_after_its_commit_is_done(pool: Any, tenure: Tenure) -> None:
    """Its time was over while it waited for an answer: it is given up, and found to have taken effect."""

    async def handle(_: Row, connection: Any) -> None:
        await connection.execute("INSERT INTO users (id, language) VALUES (1, 'en')")

    async def done() -> bool:
        return all(state == "done" for state, _ in (await states(pool)).values())

    await store(pool, Sample("1"))
    async with tenure.database.transaction() as connection:
        await connection.execute(STARTED)
    database = Silent(tenure, done, anyio.sleep_forever)
    worker = Worker(database, tenure.claims, handle, Wake(), pace=PACE, rng=random.Random(1))
    with testing.record() as recorded:
        async with running(worker.serve):
            while "done" not in [event.outcome for event in recorded.all(events.UpdateSettled)]:
                await recorded.next(events.UpdateSettled)
    assert database.silent == 1
    assert recorded.all(events.UpdateDead) == []
    assert await states(pool) == {"1": ("done", 5)}
