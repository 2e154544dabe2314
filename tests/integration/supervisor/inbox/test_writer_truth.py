"""Whatever happens to its waiters, its rows and its connection, the writer tells the truth."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.child import Backoff
from supervisor.inbox.writer import Limits, NotStored, Writer
from tests.integration.children import running
from tests.integration.supervisor.inbox.conftest import DEADLINE_SECONDS, Sample, until

NUMBERS = count()
KEYS = st.integers(0, 4)
STEPS = st.one_of(
    st.tuples(st.sampled_from(["put", "put", "put", "refused", "given up"]), KEYS),
    st.tuples(st.just("wait"), st.integers(1, 40)),
    st.tuples(st.just("kill"), st.just(0)),
)
KILL = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name = 'vigil inbox' AND datname = current_database()"""


@dataclass(frozen=True)
class Told:
    """What one waiter put and what it was told: new, duplicate, a reason, or nothing because it gave up."""

    key: str
    answer: str | None


@pytest.fixture
async def writer(database_url: str) -> AsyncIterator[Writer]:
    """A writer with room for so little that batches are cut and refused, and quick to connect again."""
    limits = Limits(rows=12, batch_rows=4, seconds=5.0)
    made = Writer(
        lambda: database_url, limits=limits, backoff=Backoff(0.001, 0.01, healthy_after=1.0), rng=random.Random(1)
    )
    async with running(made.serve):
        yield made


async def play(writer: Writer, pool: Any, prefix: str, steps: Sequence[tuple[str, int]]) -> list[Told]:
    """Take the steps one after another; return what everybody was told, in the order in which they put."""
    waiting: list[tuple[str, asyncio.Task[str]]] = []

    async def put(arrival: Sample) -> str:
        try:
            return await writer.put(arrival)
        except NotStored as error:
            return error.reason

    for kind, number in steps:
        key = f"{prefix}-{kind == 'refused'}-{number}"
        if kind == "wait":
            for _ in range(number):
                await anyio.lowlevel.checkpoint()
        elif kind == "kill":
            await pool.execute(KILL)
        else:
            task = asyncio.ensure_future(put(Sample(key, "chat:\0" if kind == "refused" else "chat:1")))
            waiting.append((key, task))
            await asyncio.sleep(0)
            if kind == "given up":
                asyncio.get_running_loop().call_later(number * 0.0005, task.cancel)
    with anyio.fail_after(DEADLINE_SECONDS):
        answers = await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)
    return [Told(key, str(a) if isinstance(a, str) else None) for (key, _), a in zip(waiting, answers, strict=True)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=30))
async def test_what_a_waiter_is_told_is_true(writer: Writer, pool: Any, steps: list[tuple[str, int]]) -> None:
    """New: the row is there, nobody else was told so, and ids follow the order of the puts. Duplicate: it is there."""
    prefix = f"{next(NUMBERS)}"
    told = await play(writer, pool, prefix, steps)
    await until(lambda: is_stored(writer, f"{prefix}-last"))
    found = await pool.fetch("SELECT dedupe_key FROM inbox WHERE dedupe_key LIKE $1 ORDER BY id", f"{prefix}-%")
    rows = [row["dedupe_key"] for row in found]
    new = [each.key for each in told if each.answer == "new"]
    assert len(new) == len(set(new))
    assert [key for key in rows if key in new] == new
    assert {each.key for each in told if each.answer == "duplicate"} <= set(rows)
    for key in {each.key for each in told}:
        answers = [each.answer for each in told if each.key == key]
        if "-True-" in key:
            assert key not in rows
            assert set(answers) <= {"refused", "lost", "full", None}
        elif set(answers) <= {"new", "duplicate", "full"}:
            # Nobody's fate is unknown: who was told full brought nothing, and of the others the first brought the row.
            assert [answer for answer in answers if answer != "full"][:1] in (["new"], [])
            assert (key in rows) == ("new" in answers)


async def is_stored(writer: Writer, key: str) -> bool:
    try:
        await writer.put(Sample(key))
    except NotStored:
        await anyio.lowlevel.checkpoint()
        return False
    return True
