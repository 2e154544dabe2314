"""How the cost of the inbox grows with its rows, and with its chats.

    python -m bench.scale [--json] [--quick]

rows    10,000, 100,000 and 1,000,000 of 100,000 chats: filled, looked at, worked off, removed
chats   100,000 rows of 1,000, 10,000 and 100,000 chats: filled, looked at, worked off

Each has a database of its own. It takes up to eleven minutes. Docs/scale.md says what the figures mean.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import anyio

from bench.figures import quantile
from bench.holder import KEY, next_term, served
from bench.memory import CHATS, inbox_with, pss
from bench.postgres import Server, postgres
from bench.rounds import arguments, as_json_text, figure, machine
from supervisor import database
from supervisor.commands.inbox import COUNTED, LANES_COUNTED, RATE_SECONDS, RATED
from supervisor.fence import FencedDatabase
from supervisor.inbox.retention import DONE_SECONDS, Retention, of_inbox
from supervisor.sql import sql
from telemetry import events, testing
from telemetry.catalogue.bot import SATURATION

CLAIMED = 100
SHARE = 0.2
"""Of the rows, at the beginning and at the end of the work: whether it slows down."""
PROBE_SECONDS = 0.01
LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 400.0
KIB = 1024.0
MIB = 1024.0 * KIB
PROBE = "INSERT INTO inbox (source, dedupe_key, lane, body) VALUES ('stripe', $1::text, 'pay:1', '{}')"
STATE = """SELECT n_dead_tup, autovacuum_count, pg_relation_size('inbox') AS heap, pg_indexes_size('inbox') AS indexes,
                  pg_total_relation_size('inbox') AS total
             FROM pg_stat_user_tables WHERE relname = 'inbox'"""
ACCEPTED = "SELECT count(*) FROM inbox WHERE source = 'kie'"
OLDEST = "SELECT coalesce((SELECT id FROM inbox WHERE state = 'ready' ORDER BY id LIMIT 1), $1::bigint + 1)"
LEFT = "SELECT EXISTS (SELECT FROM inbox WHERE state = 'ready') OR EXISTS (SELECT FROM inbox WHERE state = 'claimed')"
NUMBERS = count(1)
Found = dict[str, float]


@dataclass(frozen=True, slots=True)
class Scope:
    """How much is measured."""

    sizes: Sequence[int] = (10_000, 100_000, 1_000_000)
    chats: Sequence[int] = (1_000, 10_000, 100_000)
    rows: int = 100_000
    """Of so many chats."""
    instances: Sequence[int] = (1, 2, 3)
    """That accept together."""
    accepting_seconds: float = 4.0
    probed_seconds: float = 3.0


QUICK = Scope((2_000,), (100,), 1_000, (1,), 0.2, 0.2)


async def main() -> None:
    """Measure, and print a table of the rows and one of the chats."""
    asked = arguments(__doc__ or "", 1)
    scope = QUICK if asked.quick else Scope()
    async with postgres(quick=asked.quick) as server:
        rows = {size: await cycle(server, size, scope) for size in scope.sizes}
        chats = {number: await worked(server, scope.rows, number) for number in scope.chats}
        notes = machine(fdatasync=f"{server.syncs:,.0f}/s", chats=f"{CHATS:,}")
    if asked.json:
        print(as_json_text({"notes": notes, "rows": rows, "chats": chats}))
        return
    print(f"{table('rows', rows)}\n\n{table(f'chats, of {scope.rows:,} rows', chats)}")
    print(f"\n{' · '.join(f'{name}: {value}' for name, value in notes.items())}")


def table(head: str, found: Mapping[int, Found]) -> str:
    """Return a column for each number."""
    rows = [[head, *(f"{number:,}" for number in found)], ["---", *("---:" for _ in found)]]
    rows += [[what, *(figure(each[what]) for each in found.values())] for what in next(iter(found.values()))]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


async def worked(server: Server, rows: int, chats: int) -> Found:
    """Look at an inbox of so many chats and work it off."""
    url = await inbox_with(server, rows, chats)
    await server.admin("CHECKPOINT")
    async with database.pool(url, size=4, application_name="bench") as pool:
        found = {**await statements(pool), **await worked_off(url, pool, rows)}
    await drop(server, url)
    return found


async def drop(server: Server, url: str) -> None:
    """Remove a database."""
    await server.admin(f"DROP DATABASE {urlsplit(url).path.strip('/')} WITH (FORCE)")


async def cycle(server: Server, size: int, scope: Scope) -> Found:
    """Take an inbox of so many rows through its life."""
    url = await inbox_with(server, size, CHATS)
    # What filling it left to be written is not to be paid by those measured first.
    await server.admin("CHECKPOINT")
    async with database.pool(url, size=4, application_name="bench") as pool:
        found = {
            f"accepted/s, instances: {number}": await accepting(url, pool, number, scope.accepting_seconds)
            for number in scope.instances
        }
        await forget_accepted(pool)
        full = await pool.fetchrow(STATE)
        found |= {"KiB a row: table": full["heap"] / size / KIB, "KiB a row: indexes": full["indexes"] / size / KIB}
        found |= await statements(pool)
        found |= await worked_off(url, pool, size)
        after = await pool.fetchrow(STATE)
        found |= {"MiB filled": full["total"] / MIB, "MiB worked off": after["total"] / MIB}
        found["autovacuum runs meanwhile"] = after["autovacuum_count"] - full["autovacuum_count"]
        found |= await removed(pool, size, scope.probed_seconds)
        await vacuumed(pool, "VACUUM inbox")
        found["MiB removed and vacuumed"] = (await pool.fetchrow(STATE))["total"] / MIB
    await drop(server, url)
    return found


@asynccontextmanager
async def process(kind: str, where: str) -> AsyncIterator[int]:
    """Let a process of `bench.holder` run, ready, while the block runs; lend its number."""
    command = [sys.executable, "-m", "bench.holder", kind, where]
    async with await anyio.open_process(command, stderr=None) as running:
        try:
            assert running.stdout is not None
            await running.stdout.receive()
            yield running.pid
        finally:
            running.kill()


async def accepting(url: str, pool: Any, number: int, seconds: float) -> float:
    """Return how many arrivals so many instances commit together in a second."""
    async with AsyncExitStack() as stack:
        for _ in range(number):
            await stack.enter_async_context(process("writer", url))
        before, began = await pool.fetchval(ACCEPTED), time.perf_counter()
        await anyio.sleep(seconds)
        return float((await pool.fetchval(ACCEPTED) - before) / (time.perf_counter() - began))


async def forget_accepted(pool: Any) -> None:
    """Let the table be as it was filled."""
    term = await next_term(pool)
    async with FencedDatabase(pool, KEY, term).transaction() as connection:
        await connection.execute("SET LOCAL statement_timeout = 0")
        await connection.execute("DELETE FROM inbox WHERE source = 'kie'", timeout=PATIENCE_SECONDS)
    await vacuumed(pool, "VACUUM (FULL, ANALYZE) inbox")


async def vacuumed(pool: Any, statement: str) -> None:
    """Let the server clear up; that takes longer than the pool's statements may."""
    async with pool.acquire() as connection:
        await connection.execute("SET statement_timeout = 0")
        await connection.execute(statement, timeout=PATIENCE_SECONDS)


async def statements(pool: Any) -> Found:
    """Return what one of each statement costs on the full table: milliseconds, and pages touched."""
    asked: dict[str, tuple[Any, ...]] = {
        f"look at {CLAIMED} rows": (sql("inbox_look"), 0, CLAIMED, 0, 0, ()),
        f"claim {CLAIMED}": (sql("inbox_claim"), list(range(1, CLAIMED + 1)), [1] * CLAIMED, 1),
        "totals for /metrics": (sql("totals"), KEY, SATURATION),
        "inbox stats": (sql("inbox_stats"), COUNTED, RATED, RATE_SECONDS),
        "inbox stats, lanes": (sql("inbox_lanes"), LANES_COUNTED, 10),
    }
    found: Found = {}
    fenced = FencedDatabase(pool, KEY, await next_term(pool))
    for name, (query, *given) in asked.items():
        figures = []
        for _ in range(3):
            with suppress(_Undone):
                async with fenced.transaction() as connection:
                    figures.append(await _explained(connection, query, given))
                    raise _Undone
        found[f"{name}: ms"], found[f"{name}: pages"] = min(figures)
    return found


class _Undone(Exception):
    """The transaction was only to be looked at."""


async def _explained(connection: Any, query: str, given: Any) -> tuple[float, float]:
    (told,) = json.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", *given))
    return told["Execution Time"], told["Plan"]["Shared Hit Blocks"] + told["Plan"]["Shared Read Blocks"]


async def worked_off(url: str, pool: Any, size: int) -> Found:
    """Return how fast one worker handles all of it, at the beginning and at the end."""
    marks: list[tuple[float, int]] = []
    began, memory = time.perf_counter(), 0.0
    async with process("ours", url) as pid:
        with anyio.fail_after(PATIENCE_SECONDS):
            while await pool.fetchval(LEFT):
                marks.append((time.perf_counter(), await pool.fetchval(OLDEST, size) - 1))
                memory = max(memory, pss(pid))
                await anyio.sleep(LOOK_SECONDS)
        seconds = time.perf_counter() - began
    return {
        "worked off, s": seconds,
        "MB of the worker at most": memory,
        "handled/s, the first fifth": _rate(marks, 0, size * SHARE),
        "handled/s, the last fifth": _rate(marks, size * (1 - SHARE), size),
    }


def _rate(marks: list[tuple[float, int]], low: float, high: float) -> float:
    """Return the rows a second between two marks; not a number when it went too fast to be seen."""
    within = [mark for mark in marks if low <= mark[1] <= high]
    if len(within) < 2 or within[-1][0] == within[0][0]:
        return math.nan
    return (within[-1][1] - within[0][1]) / (within[-1][0] - within[0][0])


async def removed(pool: Any, size: int, seconds: float) -> Found:
    """Let retention remove all of it, at its own pace; return how long it takes, and what others notice of it."""
    calm, began = await probed(pool, time.perf_counter() + seconds), time.perf_counter()
    keeps = [replace(keep, seconds=-DONE_SECONDS) for keep in of_inbox()[:1]]
    beside: list[float] = []
    with testing.record() as recorded:
        async with anyio.create_task_group() as group:
            await group.start(served, Retention(FencedDatabase(pool, KEY, await next_term(pool)), keeps))
            with anyio.fail_after(PATIENCE_SECONDS):
                while sum(event.rows for event in recorded.all(events.RowsRemoved)) < size:
                    beside += await probed(pool, time.perf_counter() + LOOK_SECONDS)
            group.cancel_scope.cancel()
    return {
        "removed, s": time.perf_counter() - began,
        "a lone INSERT: p50 ms": quantile(calm, 0.5) * 1e3,
        "a lone INSERT: p99 ms": quantile(calm, 0.99) * 1e3,
        "beside the removal: p50 ms": quantile(beside, 0.5) * 1e3,
        "beside the removal: p99 ms": quantile(beside, 0.99) * 1e3,
    }


async def probed(pool: Any, until: float) -> list[float]:
    """Return how long single INSERTs take, a hundred a second."""
    found = []
    while (began := time.perf_counter()) < until:
        await pool.execute(PROBE, f"probe {next(NUMBERS)}")
        found.append(time.perf_counter() - began)
        await anyio.sleep(PROBE_SECONDS)
    return found


if __name__ == "__main__":
    anyio.run(main)
