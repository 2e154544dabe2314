"""What the fence costs a write: the same statement without it, with it, and on a table that demands it."""

from __future__ import annotations

import time
from typing import Any

import asyncpg

from bench.lane import KEY
from supervisor.sql import sql

ROUNDS, WARM_UP = 2_000, 200
TABLES = """
CREATE TABLE bench_open (n bigint);
CREATE TABLE bench_fenced (n bigint);
SELECT lock_fence_table('bench_fenced');
"""
GIVEN = "$1::bigint, $2::bigint, $3::bigint"
FENCE = f"SELECT lock_fence({GIVEN})"
PLAIN = f"INSERT INTO bench_open SELECT $4::bigint WHERE ({GIVEN}) IS NOT NULL"
WRITES = {
    "plain": (PLAIN,),
    # Nothing in these texts is anybody's input.
    "fence": (f"WITH fence AS MATERIALIZED ({FENCE}) INSERT INTO bench_open SELECT $4::bigint FROM fence",),  # noqa: S608 - as said above
    "transaction": ("BEGIN", PLAIN, "COMMIT"),
    "fenced transaction": ("BEGIN", FENCE, PLAIN.replace("bench_open", "bench_fenced"), "COMMIT"),
}


async def measure(url: str, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of every write, by what guarded it; a commit that waits for no disk, so that it hides nothing."""
    connection: Any = await asyncpg.connect(url, server_settings={"synchronous_commit": "off"})
    try:
        await connection.execute(TABLES)
        won = await connection.fetchrow(sql("lock_claim"), KEY, "bench", 3_600_000, 0, 0, "free", False)
        token = (KEY, won["epoch"], won["timeline"])
        found: dict[str, list[float]] = {name: [] for name in WRITES}
        for round_ in range(rounds + WARM_UP):
            for name, statements in WRITES.items():
                began = time.perf_counter()
                for statement in statements:
                    arguments = (*token, round_)[: statement.count("::bigint")]
                    await connection.execute(statement, *arguments)
                if round_ >= WARM_UP:
                    found[name].append(time.perf_counter() - began)
    finally:
        await connection.close()
    return found
