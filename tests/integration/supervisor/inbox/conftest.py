"""Arrivals, terms on a real database, and running children."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from supervisor.clock import boottime
from supervisor.database import LOST
from supervisor.fence import FencedDatabase
from supervisor.inbox.claims import Claims
from supervisor.term import Term

LOCK_KEY = 11
DEADLINE_SECONDS = 10.0


@dataclass(frozen=True)
class Sample:
    """An arrival as the kernel sees it."""

    dedupe_key: str
    lane: str = "chat:1"
    body: bytes = b"{}"
    source: str = "telegram"
    dead: str | None = None


@dataclass(frozen=True)
class Tenure:
    """One term and what it can do."""

    term: Term
    database: FencedDatabase
    claims: Claims


Begin = Callable[[], Awaitable[Tenure]]


@pytest.fixture
def begin(pool: Any) -> Begin:
    """Begin the next term; the one before is over in the database, whether it knows or not."""
    epochs = [0]

    async def begun() -> Tenure:
        async with pool.acquire() as connection:
            await connection.execute("SELECT lock_release($1, 'test', $2)", LOCK_KEY, epochs[-1])
            epoch = await connection.fetchval("SELECT lock_claim($1, 'test', 600000, NULL, NULL, 'free')", LOCK_KEY)
        epochs.append(epoch)
        term = Term(epoch, "test", window=3600, sent_at=boottime(), timeline=1)
        return Tenure(term, FencedDatabase(pool, LOCK_KEY, term), Claims(epoch))

    return begun


@pytest.fixture
async def tenure(begin: Begin) -> Tenure:
    """The first term."""
    return await begin()


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries at once: their delays have tests of their own."""
    monkeypatch.setattr("supervisor.child.Backoff.delay", lambda *_: 0.001)


async def store(pool: Any, *arrivals: Sample) -> list[int]:
    """Put rows into the inbox as another instance's writer would."""
    return [
        await pool.fetchval(
            "INSERT INTO inbox (source, dedupe_key, lane, body) VALUES ($1, $2, $3, $4) RETURNING id",
            arrival.source,
            arrival.dedupe_key,
            arrival.lane,
            arrival.body,
        )
        for arrival in arrivals
    ]


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    """Return once the condition holds; fail after the deadline. A killed connection of the test's own is no answer."""
    with anyio.fail_after(DEADLINE_SECONDS):
        while True:
            with suppress(*LOST):
                if await found():
                    return
            await anyio.lowlevel.checkpoint()


async def states(pool: Any) -> dict[str, tuple[str, int]]:
    """Return state and attempts by dedupe key."""
    rows = await pool.fetch("SELECT dedupe_key, state, attempts FROM inbox ORDER BY id")
    return {row["dedupe_key"]: (row["state"], row["attempts"]) for row in rows}
