"""One contender as a process of its own: `python instance.py '{"name": "a", …}'`, obedient to words on its input.

    stamps   while ACTIVE, right after every `check()`: "NANOSECONDS EPOCH PID", CLOCK_MONOTONIC, one line a few ms
    writes   from the first effect of a term until the database refuses it: fenced rows of that term, by a writer that
             never asks whether it may, and that outlives the term as a zombie
    views    every change of the keeper's view: "NANOSECONDS STATE REASON EPOCH"

Input: `block SECONDS` (the main loop hangs), `hang` (the work does not end when its term does), `handover`. SIGTERM
drains, releases, ends with 0. The end of the input ends the process: no instance outlives its test.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import asyncpg
from anyio.abc import TaskGroup, TaskStatus

from supervisor import database
from supervisor.clock import boottime
from supervisor.keeper import Keeper
from supervisor.killtimer import KillTimer
from supervisor.leading import UNGUARDED
from supervisor.sql import sql
from supervisor.term import Term, TrustLost
from supervisor.timing import PROFILES

TICK_SECONDS = 0.1
STAMP_SECONDS = 0.004
WRITE_SECONDS = 0.01
VIEW_SECONDS = 0.01
RETRY_SECONDS = 0.1
RELEASE_SECONDS = 30.0
FENCED = "VG001"
WRITE = "INSERT INTO chaos_write (epoch, pid) VALUES ($1::bigint, $2::integer)"


@dataclass(frozen=True, slots=True)
class Setup:
    """What the test decides."""

    name: str
    folder: str
    control_url: str
    database_url: str
    lock_key: int
    profile: str = "fast"
    stamp_seconds: float = STAMP_SECONDS
    write_seconds: float = WRITE_SECONDS
    held_seconds: float = 0.0
    """How long each write keeps its transaction open."""
    held_in_server: bool = False
    """Whether it then waits for an answer, or has nothing under way."""
    wall_clock_offset: float = 0.0
    """By how much this process believes the wall clock to be wrong."""
    guarded: bool = True
    """Whether the kernel ends this process at the hard deadline."""


class Work:
    """What an ACTIVE does, written down."""

    def __init__(self, setup: Setup, keeper: Keeper) -> None:
        self._setup = setup
        self._keeper = keeper
        self._stamps = appending(Path(setup.folder, f"{setup.name}.stamps"))
        self.hangs = False

    async def lead(self, group: TaskGroup) -> None:
        """Work in one term after the other; the writers live in `group`, which no term's end cancels."""
        while True:
            term = await self._keeper.active()
            async with anyio.create_task_group() as effects:
                effects.start_soon(self._stamp, term)
                group.start_soon(self._write, term)
                await self._keeper.lost(term)
                while self.hangs:  # noqa: ASYNC110 - a word of the test ends it
                    await anyio.sleep(TICK_SECONDS)
                effects.cancel_scope.cancel()
            self._keeper.work_ended(term)

    async def _stamp(self, term: Term) -> None:
        """Let effects pass until the term has ended."""
        with suppress(TrustLost):
            while True:
                await term.trusted()
                term.check()
                os.write(self._stamps, b"%d %d %d\n" % (time.monotonic_ns(), term.epoch, os.getpid()))
                await anyio.sleep(self._setup.stamp_seconds)

    async def _write(self, term: Term) -> None:
        """Write until the database refuses this term, across every loss of it."""
        while True:
            try:
                async with database.connected(self._setup.database_url, application_name="chaos writer") as connection:
                    while True:
                        await self._write_once(connection, term)
                        await anyio.sleep(self._setup.write_seconds)
            except (*database.LOST, asyncpg.TooManyConnectionsError, asyncpg.ReadOnlySQLTransactionError):
                await anyio.sleep(RETRY_SECONDS)
            except asyncpg.PostgresError as error:
                if error.sqlstate == FENCED:
                    return
                if error.sqlstate not in {"25P03", "57014"}:
                    raise
                await anyio.sleep(RETRY_SECONDS)

    async def _write_once(self, connection: Any, term: Term) -> None:
        async with database.transaction(connection):
            await connection.execute(sql("lock_fence"), self._setup.lock_key, term.epoch, term.timeline)
            await connection.execute(WRITE, term.epoch, os.getpid())
            if self._setup.held_in_server:
                await connection.execute("SELECT pg_sleep($1::float8)", self._setup.held_seconds, timeout=3600)
            elif self._setup.held_seconds:
                await anyio.sleep(self._setup.held_seconds)


class Tick:
    """The pulse of the main loop."""

    def __init__(self) -> None:
        self.at = boottime()

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self.at = boottime()
            await anyio.sleep(TICK_SECONDS)


async def show(setup: Setup, keeper: Keeper) -> None:
    """Write down how the view changes."""
    views = appending(Path(setup.folder, f"{setup.name}.views"))
    told = ""
    while True:
        view = keeper.view
        if (line := f"{view.state} {view.reason or '-'} {view.epoch or 0}") != told:
            told = line
            os.write(views, f"{time.monotonic_ns()} {line}\n".encode())
        await anyio.sleep(VIEW_SECONDS)


async def serve(keeper: Keeper, *, task_status: TaskStatus[None]) -> None:
    """Run the keeper until cancelled; a bound method has not the signature that a task group starts."""
    await keeper.serve(task_status=task_status)


class Obedience:
    """The words on the input, and SIGTERM."""

    def __init__(self, keeper: Keeper, work: Work) -> None:
        self._keeper = keeper
        self._work = work
        self._rest = b""

    def hear(self) -> None:
        """Read what there is; the loop calls this, and hangs in it when told to."""
        chunk = os.read(sys.stdin.fileno(), 4096)
        if not chunk:
            os._exit(0)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._obey(line.decode().split())

    def _obey(self, words: list[str]) -> None:
        match words:
            case ["block", seconds]:
                time.sleep(float(seconds))
            case ["hang", how]:
                self._work.hangs = how == "on"
            case ["handover"]:
                self._keeper.hand_over()
            case _:
                raise AssertionError(f"no such word: {words}")

    async def until_asked_to_end(self) -> None:
        """Return on SIGTERM."""
        with anyio.open_signal_receiver(signal.SIGTERM) as signals:
            async for _ in signals:
                return


async def contend(setup: Setup) -> None:
    """Contend until SIGTERM, then drain and release."""
    wall_clock = time.time
    time.time = lambda: wall_clock() + setup.wall_clock_offset
    tick = Tick()
    keeper = Keeper(
        url=lambda: setup.control_url,
        lock_key=setup.lock_key,
        instance_id=f"{setup.name}-{os.urandom(4).hex()}",
        timing=PROFILES[setup.profile],
        last_tick=lambda: tick.at,
        guard=KillTimer() if setup.guarded else UNGUARDED,
        damped=False,
    )
    work = Work(setup, keeper)
    obedience = Obedience(keeper, work)
    async with anyio.create_task_group() as group:
        group.start_soon(tick.run)
        group.start_soon(show, setup, keeper)
        await group.start(serve, keeper)
        group.start_soon(work.lead, group)
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), obedience.hear)
        await obedience.until_asked_to_end()
        await keeper.release(RELEASE_SECONDS)
        group.cancel_scope.cancel()


def appending(path: Path) -> int:
    """Open a file whose every write is one line at its end."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


if __name__ == "__main__":
    anyio.run(contend, Setup(**json.loads(sys.argv[1])))
