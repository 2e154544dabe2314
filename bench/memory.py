"""What a full queue costs the process that works it off: memory beside 1,000,000 waiting rows and beside none.

    python -m bench.memory [--json] [--quick] [--rounds N]

Proportional set size over a few seconds of work, at its peak and in the quantiles of 50 looks a second, a fresh process
each time. Ours and pgqueuer keep the
queue in the database; python-telegram-bot keeps it in memory: 100,000 updates are measured, and the million is that
times ten, as each costs the same.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import asyncpg
from anyio.abc import Process
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from bench.figures import quantile
from bench.postgres import Server, postgres
from bench.queues import BODY
from bench.rounds import Case, Figures, alternate, arguments, machine, report

ROUNDS = 3
ROWS = 1_000_000
CHATS = 100_000
IN_MEMORY = 100_000
BAR_MB = 20
MB = 1024.0
WATCHED_SECONDS, QUICK_SECONDS = 2.5, 0.1
LOOK_SECONDS = 0.02
START_SECONDS = 120.0
INBOX = """INSERT INTO inbox (source, dedupe_key, lane, body)
           SELECT 'telegram', n, 'chat:' || (1000 + n % $2::bigint),
                  convert_to(replace($3::text, '%d', n::text), 'UTF8') FROM generate_series(1, $1::bigint) AS n"""
JOBS = """INSERT INTO pgqueuer (priority, status, entrypoint, payload)
          SELECT 0, 'queued', 'inbox', convert_to(replace($2::text, '%d', n::text), 'UTF8')
            FROM generate_series(1, $1::bigint) AS n"""


async def inbox_with(server: Server, rows: int, chats: int) -> str:
    """Return the address of a database whose inbox holds so many ready rows of so many chats."""
    url = await server.database()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(INBOX, rows, chats, BODY, timeout=300)
        await connection.execute("VACUUM ANALYZE inbox", timeout=300)
    finally:
        await connection.close()
    return url


async def jobs_with(server: Server, rows: int) -> str:
    """Return the address of a database whose pgqueuer holds so many jobs."""
    url = await server.database(blank=True)
    connection = await asyncpg.connect(url)
    try:
        await Queries(AsyncpgDriver(connection)).install()
        await connection.execute(JOBS, rows, BODY, timeout=300)
        await connection.execute("VACUUM ANALYZE pgqueuer", timeout=300)
    finally:
        await connection.close()
    return url


async def measure(seconds: float, kind: str, where: str) -> Figures:
    """Return the most memory, in MB, that a process of this kind takes while it works."""
    command = [sys.executable, "-m", "bench.holder", kind, where]
    async with await anyio.open_process(command, stderr=None) as process:
        try:
            with anyio.fail_after(START_SECONDS):
                assert process.stdout is not None
                await process.stdout.receive()
            return in_mb(await _watched(process, seconds))
        finally:
            process.kill()


async def _watched(process: Process, seconds: float) -> list[float]:
    looks: list[float] = []
    with anyio.move_on_after(seconds):
        while True:
            looks.append(pss(process.pid))
            await anyio.sleep(LOOK_SECONDS)
    return looks


def in_mb(looks: Sequence[float]) -> Figures:
    """Return the most of so many looks, and the quantiles of all."""
    return Figures(max(looks), more={"p50, MB": quantile(looks, 0.5), "p99, MB": quantile(looks, 0.99)})


def pss(pid: int) -> float:
    """Return the proportional set size of a process in MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return next(int(line.split()[1]) / MB for line in text.splitlines() if line.startswith("Pss:"))


def over(full: Sequence[Figures], empty: Sequence[Figures], times: float = 1.0) -> list[Figures]:
    """Return the figures with what they are over those of an empty queue, scaled up to a million."""
    found = []
    for one, none in zip(full, empty, strict=True):
        extra = (one.rate - none.rate) * times
        more = {name: none.more[name] + (value - none.more[name]) * times for name, value in one.more.items()}
        found.append(replace(one, rate=none.rate + extra, more={**more, "MB over empty": extra}))
    return found


async def main() -> None:
    """Fill the queues, measure in alternating rounds, print the table."""
    asked = arguments(__doc__ or "", ROUNDS)
    rows, held, seconds = (2_000, 500, QUICK_SECONDS) if asked.quick else (ROWS, IN_MEMORY, WATCHED_SECONDS)
    async with postgres(quick=asked.quick) as server:
        where = {
            "ours, empty": ("ours", await inbox_with(server, 0, 1)),
            "ours": ("ours", await inbox_with(server, rows, CHATS)),
            "ours, all of one chat": ("ours", await inbox_with(server, rows, 1)),
            "pgqueuer, empty": ("pgqueuer", await jobs_with(server, 0)),
            "pgqueuer": ("pgqueuer", await jobs_with(server, rows)),
            "PTB, empty": ("PTB", "0"),
            "PTB": ("PTB", str(held)),
        }
        contenders: dict[str, Callable[[], Awaitable[Figures]]] = {
            name: partial(measure, seconds, *each) for name, each in where.items()
        }
        found = await alternate(contenders, asked.rounds)
        notes = machine(rows=f"{rows:,}", chats=f"{CHATS:,}", PTB_holds=f"{held:,}, times {rows / held:g}")
    shown = {name: over(found[name], found[name]) for name in found if name.endswith("empty")} | {
        "ours": over(found["ours"], found["ours, empty"]),
        "ours, all of one chat": over(found["ours, all of one chat"], found["ours, empty"]),
        "pgqueuer": over(found["pgqueuer"], found["pgqueuer, empty"]),
        "PTB": over(found["PTB"], found["PTB, empty"], rows / held),
    }
    bars = dict.fromkeys(("ours", "ours, all of one chat"), f"≤ {BAR_MB} MB over empty")
    ordered = {name: shown[name] for name in where}
    report([Case("", "MB at most", "ours, empty", ordered, bars)], notes, as_json=asked.json)


if __name__ == "__main__":
    anyio.run(main)
