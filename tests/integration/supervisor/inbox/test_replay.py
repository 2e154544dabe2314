"""Orders of the operator, handled in fenced transactions on a real PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import anyio
import asyncpg
import pytest

from supervisor.fence import Fenced
from supervisor.inbox import replay
from supervisor.inbox.wake import Wake
from supervisor.inbox.worker import Worker
from telemetry import events, testing
from tests.integration.supervisor.inbox.conftest import Begin, Sample, Tenure, store


@dataclass(frozen=True)
class Order:
    body: bytes


def order(row_id: int) -> Order:
    return Order(json.dumps({"order": "replay", "id": row_id}).encode())


async def bury(pool: Any, key: str, lane: str = "chat:1", body: bytes = b"{}") -> int:
    """Put a dead letter there, as any instance may."""
    number: int = await pool.fetchval(
        "INSERT INTO inbox (source, dedupe_key, lane, body, state, settled_at, attempts, last_error)"
        " VALUES ('telegram', $1, $2, $3, 'dead', now(), 5, 'Boom') RETURNING id",
        key,
        lane,
        body,
    )
    return number


async def follow(tenure: Tenure, row: Order) -> None:
    async with tenure.database.transaction() as connection:
        await replay.take(row, connection)


async def row(pool: Any, row_id: int) -> tuple[Any, ...]:
    found = await pool.fetchrow(
        "SELECT dedupe_key, lane, body, state, attempts, last_error FROM inbox WHERE id = $1", row_id
    )
    return tuple(found)


async def test_a_dead_letter_becomes_a_new_row_at_the_end_of_its_lane(pool: Any, tenure: Tenure) -> None:
    """With its body and attempts of its own; the old one is done and names it."""
    letter = await bury(pool, "7", body=b"\x00\xff")
    await store(pool, Sample("8"))
    with testing.record() as recorded:
        await follow(tenure, order(letter))
    (event,) = recorded.all(events.UpdateReplayed)
    assert await row(pool, letter) == ("7", "chat:1", b"\x00\xff", "done", 5, f"replayed as {event.replayed_as}")
    assert await row(pool, event.replayed_as) == (f"replay:{letter}", "chat:1", b"\x00\xff", "ready", 0, None)
    waiting = await pool.fetch("SELECT dedupe_key FROM inbox WHERE state = 'ready' ORDER BY id")
    assert [found["dedupe_key"] for found in waiting] == ["8", f"replay:{letter}"]


async def test_the_old_key_goes_on_rejecting_duplicates(pool: Any, tenure: Tenure) -> None:
    """Whoever repeats what was replayed changes nothing."""
    letter = await bury(pool, "7")
    await follow(tenure, order(letter))
    with pytest.raises(asyncpg.UniqueViolationError):
        await store(pool, Sample("7"))


async def test_a_row_is_replayed_once_however_often_it_is_asked_for(pool: Any, tenure: Tenure) -> None:
    """The order's key is the row's; an order that comes all the same finds no dead letter."""
    letter = await bury(pool, "7")
    async with pool.acquire() as connection:
        await replay.ask(connection, [letter])
        await replay.ask(connection, [letter])
    assert await pool.fetchval("SELECT count(*) FROM inbox WHERE source = 'operator'") == 1
    await follow(tenure, order(letter))
    with pytest.raises(replay.NotReplayable):
        await follow(tenure, order(letter))
    assert await pool.fetchval("SELECT count(*) FROM inbox WHERE dedupe_key LIKE 'replay:%'") == 1


async def test_a_replay_that_dies_can_be_replayed_in_its_turn(pool: Any, tenure: Tenure) -> None:
    """It is a row like any other."""
    letter = await bury(pool, "7")
    await follow(tenure, order(letter))
    again = await pool.fetchval("SELECT id FROM inbox WHERE dedupe_key = $1", f"replay:{letter}")
    async with tenure.database.transaction() as connection:
        await connection.execute("UPDATE inbox SET state = 'dead', settled_at = now() WHERE id = $1", again)
    await follow(tenure, order(again))
    assert (await row(pool, again))[3] == "done"
    assert await pool.fetchval("SELECT state FROM inbox WHERE dedupe_key = $1", f"replay:{again}") == "ready"


@pytest.mark.parametrize("state", ["ready", "done", "nothing", "unreadable"])
async def test_only_a_readable_dead_letter_is_replayed(pool: Any, tenure: Tenure, state: str) -> None:
    """Anything else is left as it is."""
    letter = await bury(pool, "7", "op:malformed" if state == "unreadable" else "chat:1")
    async with tenure.database.transaction() as connection:
        if state == "nothing":
            await connection.execute("DELETE FROM inbox")
        elif state != "unreadable":
            await connection.execute("UPDATE inbox SET state = $1", state)
    before = await pool.fetch("SELECT * FROM inbox")
    with pytest.raises(replay.NotReplayable):
        await follow(tenure, order(letter))
    assert await pool.fetch("SELECT * FROM inbox") == before


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b'{"order": "stop"}', b'{"order": "replay", "id": "7"}', b"[" * 9_000]
)
async def test_an_order_that_nobody_knows_ends_as_a_dead_letter_that_says_so(
    pool: Any, tenure: Tenure, body: bytes, eventually: Any
) -> None:
    """After one start: a newer build wrote it, or a hand."""
    (number,) = await store(pool, Sample("order:?", replay.LANE, body, source="operator"))
    worker = Worker(tenure.database, tenure.claims, replay.take, Wake(), hopeless=(replay.Unusable,))
    async with anyio.create_task_group() as group:
        await group.start(lambda *, task_status: worker.serve(task_status=task_status))
        await eventually(lambda: pool.fetchval("SELECT true FROM inbox WHERE id = $1 AND state = 'dead'", number))
        group.cancel_scope.cancel()
    *_, state, attempts, reason = await row(pool, number)
    assert (state, attempts) == ("dead", 1)
    assert reason == "UnknownOrder: Following an order of the operator: this build knows no such order."


async def test_a_stale_term_replays_nothing(pool: Any, begin: Begin) -> None:
    """The database refuses it."""
    letter = await bury(pool, "7")
    old = await begin()
    await begin()
    with pytest.raises(Fenced):
        await follow(old, order(letter))
    assert (await row(pool, letter))[3] == "dead"
