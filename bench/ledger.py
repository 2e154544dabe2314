"""How many holds and charges the ledger takes a second, with 32 users at once; pgbench's TPC-B on the same server beside it.

    python -m bench.ledger [--json] [--quick] [--rounds N]

A pair is what a paid generation costs the ledger: credits held in one fenced transaction and charged in another, on a
pool of the default size, with fsync on. One of TPC-B's transactions has seven statements, on as many connections and
with as many branches, so that no row of its own is hot. After each round the books are held against what was done.
"""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import anyio

from bench.dequeue import watched
from bench.lane import KEY
from bench.postgres import Server, postgres
from bench.rounds import Case, Figures, alternate, arguments, machine, report, timed
from bot import accounts
from supervisor import database
from supervisor.clock import boottime
from supervisor.embedded.binaries import find
from supervisor.fence import FencedDatabase
from supervisor.sql import sql
from supervisor.term import Term

ROUNDS = 3
USERS = 32
CONNECTIONS = 10
"""The default of DB_MAXCONN."""
GIFT, PRICE = 1_000_000_000, 800
SECONDS, QUICK_SECONDS, WARM_UP_SECONDS = 8.0, 1.0, 1.0
TICK = os.sysconf("SC_CLK_TCK")
BAR = "≥ 1,000 pairs/s"
REFERENCES = count(1)
BOOKS = """
    SELECT count(*) FILTER (WHERE state = 'charged') AS charged, count(*) FILTER (WHERE state = 'held') AS open,
           (SELECT sum(amount) FROM ledger_entry)::bigint AS total,
           (SELECT sum(balance) FROM ledger_account)::bigint AS balances
      FROM ledger_hold"""


class Wrong(Exception):
    """The books do not show what was done: the figures would be worth nothing."""


class Ours:
    """The ledger of a term, and how many pairs it was given."""

    def __init__(self, server: Server, pool: Any, fenced: FencedDatabase) -> None:
        self._server = server
        self._pool = pool
        self._fenced = fenced
        self._pairs = 0

    async def round(self, seconds: float) -> Figures:
        """Let every user generate one thing after the other for so long."""
        latencies: list[float] = []
        began, spent, own = time.perf_counter(), cpu(self._server), time.process_time()
        async with anyio.create_task_group() as group:
            for user in range(1, USERS + 1):
                group.start_soon(self._generate, user, began + seconds, latencies)
        elapsed = time.perf_counter() - began
        used = {"CPU of the server, µs each": cpu(self._server) - spent, "own CPU, µs each": time.process_time() - own}
        self._pairs += len(latencies)
        await self._audit()
        return timed(latencies, elapsed, **{name: each / len(latencies) * 1e6 for name, each in used.items()})

    async def _generate(self, user: int, until: float, latencies: list[float]) -> None:
        while (began := time.perf_counter()) < until:
            reference = next(REFERENCES)
            async with self._fenced.transaction() as connection:
                hold = await accounts.hold(connection, user, PRICE, reference, seconds=900)
            async with self._fenced.transaction() as connection:
                await accounts.charge(connection, hold, reference)
            latencies.append(time.perf_counter() - began)

    async def _audit(self) -> None:
        found = dict(await self._pool.fetchrow(BOOKS))
        wanted = {"charged": self._pairs, "open": 0, "total": 0, "balances": USERS * GIFT - self._pairs * PRICE}
        if found != wanted:
            raise Wrong(f"after {self._pairs} pairs the books show {found}, expected {wanted}")


async def opened(server: Server, pool: Any) -> Ours:
    """Begin a term and give every user credits."""
    won = await pool.fetchrow(sql("lock_claim"), KEY, "bench", 3_600_000, 0, 0, "free", False)
    term = Term(won["epoch"], "bench", window=3600, sent_at=boottime(), timeline=won["timeline"])
    fenced = FencedDatabase(pool, KEY, term)
    for user in range(1, USERS + 1):
        async with fenced.transaction() as connection:
            await accounts.ensure(connection, user, "en", GIFT)
    return Ours(server, pool, fenced)


async def tpc_b(server: Server, url: str, seconds: float) -> Figures:
    """Run pgbench's own transaction for so long."""
    spent = cpu(server)
    words = ["-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1", "-T", str(max(1, round(seconds)))]
    text = await pgbench(url, *words)
    rate, done = (float(re.findall(each, text)[0]) for each in (r"tps = ([\d.]+)", r"actually processed: (\d+)"))
    return Figures(rate, more={"CPU of the server, µs each": (cpu(server) - spent) / done * 1e6})


async def pgbench(url: str, *words: str) -> str:
    """Run pgbench on this database and return what it says."""
    run = await anyio.run_process([str(find().folder / "pgbench"), *words, url])
    return run.stdout.decode()


def cpu(server: Server) -> float:
    """Return the seconds of CPU that the server and its processes have used, those that have ended too."""
    assert server.embedded.pid is not None, "the server is not running"
    while True:
        # A process that ends between two readings has left its time to its parent: read anew.
        with suppress(FileNotFoundError, ProcessLookupError):
            return sum(_ticks(server.embedded.pid)) / TICK


def _ticks(pid: int) -> Iterator[int]:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    yield sum(int(words[index]) for index in (11, 12, 13, 14))
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from _ticks(int(child))


async def main() -> None:
    """Run both and print the table."""
    asked = arguments(__doc__ or "", ROUNDS)
    seconds = QUICK_SECONDS if asked.quick else SECONDS
    async with postgres(quick=asked.quick) as server:
        plain = await server.database(blank=True)
        await pgbench(plain, "-i", "-q", "-s", str(USERS // (8 if asked.quick else 1)))
        async with database.pool(await server.database(), size=CONNECTIONS, application_name="bench") as pool:
            ours = await opened(server, pool)
            if not asked.quick:
                await ours.round(WARM_UP_SECONDS)
            contenders: dict[str, Callable[[], Awaitable[Figures]]] = {
                "ours, pairs": partial(ours.round, seconds),
                "pgbench, TPC-B": partial(tpc_b, server, plain, seconds),
            }
            found = await alternate(contenders, asked.rounds)
    notes = machine(fdatasync=f"{server.syncs:,.0f}/s", connections=CONNECTIONS)
    rate = statistics.median(each.rate for each in found["ours, pairs"])
    notes["movements"] = f"{2 * rate:,.0f}/s"
    case = Case(f"{USERS} users", "pairs or transactions/s", "pgbench, TPC-B", found, {"ours, pairs": BAR})
    report([case], notes, as_json=asked.json)


if __name__ == "__main__":
    watched(main)
