"""Finding what to send costs what is new, not what is queued; nothing is forgotten."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.backlog import READ_ROWS, SWEEP_LANES, SWEEP_SECONDS, Backlog
from bot.delivery import RETRY_AFTER_CAP_SECONDS
from bot.effects import Effects
from bot.sql import sql
from tests.integration.bot.telegram.conftest import Tenure

ROOM = 10_000
FILL = (
    "INSERT INTO outbox (lane, chat_id, method, params) "
    "SELECT 'chat:' || chat, chat, 'sendMessage', json_object('{}'::text[]) FROM (SELECT CHAT AS chat FROM generate_series(1, $1::int) n) c"
)


async def fill(tenure: Tenure, rows: int, chat: str) -> None:
    async with tenure.database.transaction() as connection:
        await connection.execute(FILL.replace("CHAT", chat), rows)


async def find(backlog: Backlog, pool: Any, now: float, room: int = ROOM) -> list[str]:
    return list(await backlog.find(pool, room, now))


async def test_every_lane_of_an_earlier_term_is_found_once(pool: Any, tenure: Tenure) -> None:
    """However many rows it has, and where they lie; then nothing more is read until the next sweep."""
    await fill(tenure, 3_000, "n % 1500 + 1")
    backlog = Backlog()
    found: list[str] = []
    while not found or backlog.is_behind(ROOM):
        found += await find(backlog, pool, 0.0)
    assert set(found) == {f"chat:{number}" for number in range(1, 1501)}
    assert await find(backlog, pool, SWEEP_SECONDS - 1) == []
    assert len(await find(backlog, pool, SWEEP_SECONDS)) == SWEEP_LANES


async def test_a_row_that_commits_after_a_later_one_is_found_at_once(
    database_url: str, pool: Any, tenure: Tenure
) -> None:
    """Its id lies below what was read: the gap is asked for again."""
    backlog = Backlog()
    await find(backlog, pool, 0.0)
    async with open_transaction(tenure) as slow:
        await Effects(slow).send_text(1, "slow")
        await fill(tenure, 1, "2")
        assert await find(backlog, pool, 1.0) == ["chat:2"]
        assert await find(backlog, pool, 2.0) == []
    assert await find(backlog, pool, 3.0) == ["chat:1"]
    assert await find(backlog, pool, 4.0) == []


async def test_a_transaction_open_when_the_outbox_starts_is_found(pool: Any, tenure: Tenure) -> None:
    """Reading begins a little below the newest row."""
    backlog = Backlog()
    async with open_transaction(tenure) as slow:
        await Effects(slow).send_text(1, "slow")
        await fill(tenure, 3, "2")
        assert set(await find(backlog, pool, 0.0)) == {"chat:2"}
    assert await find(backlog, pool, 1.0) == ["chat:1"]


async def test_what_every_other_way_has_missed_is_swept(pool: Any, tenure: Tenure) -> None:
    """A row put back by hand, a gap given up: half a minute later it is found."""
    await fill(tenure, 1, "1")
    async with tenure.database.transaction() as connection:
        await connection.execute("UPDATE outbox SET state = 'failed', settled_at = now()")
    backlog = Backlog()
    assert await find(backlog, pool, 0.0) == []
    async with tenure.database.transaction() as connection:
        await connection.execute("UPDATE outbox SET state = 'ready', settled_at = NULL")
    assert await find(backlog, pool, 1.0) == []
    assert await find(backlog, pool, SWEEP_SECONDS) == ["chat:1"]


async def test_without_room_nothing_is_swept_and_what_is_new_is_still_read(pool: Any, tenure: Tenure) -> None:
    """An answer to a button must not wait for a long backlog."""
    await fill(tenure, 2_000, "n")
    backlog = Backlog()
    await find(backlog, pool, 0.0, room=0)
    async with tenure.database.transaction() as connection:
        await Effects(connection).answer_callback(7, "query")
    assert await find(backlog, pool, 0.0, room=0) == ["answer:7"]


@asynccontextmanager
async def open_transaction(tenure: Tenure) -> AsyncIterator[Any]:
    async with tenure.database.transaction() as connection:
        yield connection


def rows_read(plan: dict[str, Any]) -> int:
    """Return the rows that the scans of a plan went through."""
    own = 0
    if "Relation Name" in plan:
        assert plan["Node Type"] != "Seq Scan" or plan["Relation Name"] in {"chat_moved", "group_unreachable", "users"}
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return int(own) + sum(rows_read(child) for child in plan.get("Plans", []))


@pytest.mark.parametrize("analyzed", [False, True])
async def test_a_round_reads_what_it_sends_from_a_hundred_thousand_rows(
    pool: Any, tenure: Tenure, analyzed: bool
) -> None:
    """50,000 chats with two rows each and one with 10,000: counted in the plans that PostgreSQL really runs."""
    await fill(tenure, 10_000, "999999")
    await fill(tenure, 100_000, "n % 50000 + 1")
    async with pool.acquire() as connection:
        if analyzed:
            await connection.execute("VACUUM ANALYZE outbox")

        async def cost(name: str, *arguments: object) -> int:
            (found,) = await connection.fetchrow(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql(name)}", *arguments)
            return rows_read(json.loads(found)[0]["Plan"])

        lanes = ["chat:999999", *(f"chat:{number}" for number in range(1, 8))]
        assert await cost("outbox_heads", lanes, RETRY_AFTER_CAP_SECONDS) <= len(lanes)
        assert await cost("outbox_arrived", 55_000, READ_ROWS, list(range(100, 110))) <= READ_ROWS + 10
        assert await cost("outbox_lanes", "chat:4", SWEEP_LANES) <= SWEEP_LANES
        assert await cost("outbox_newest") <= 1
        assert await cost("outbox_recent", 60.0, ["answerCallbackQuery"], 5_000) == 0
