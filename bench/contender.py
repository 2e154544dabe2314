"""One contender as a process: `python -m bench.contender KIND URL KEY`; KIND is a profile of ours, or a peer's setting.

    prints   ready | in TIME EPOCH | out TIME | asked COUNT SECONDS       TIME: seconds of CLOCK_MONOTONIC

`in` is the first effect after a time without, `out` the last one before. An effect is a stamp, one a millisecond, each
right after a check. SIGTERM drains and ends the process; so does the end of its input.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import anyio
import asyncpg
from anyio.abc import TaskGroup
from asyncpg_lock import AdvisoryLockGuard, connect_func

from supervisor.clock import boottime
from supervisor.keeper import Keeper
from supervisor.killtimer import KillTimer
from supervisor.term import Term
from supervisor.timing import PROFILES
from supervisor.view import LockState

EFFECT_SECONDS = 0.001
LOOK_SECONDS = 0.005
RELEASE_SECONDS = 10.0
PEERS = {
    "asyncpg-lock": {},
    "asyncpg-lock, tuned": {"reacquire_delay": 0.5, "after_acquire_delay": 0.5, "reconnect_delay": 0.5},
}


def say(*words: object) -> None:
    """Tell the bench."""
    print(*words, flush=True)


class Effects:
    """A stamp a millisecond while it is allowed; tells when that begins and ends."""

    def __init__(self) -> None:
        self._last: float | None = None

    async def go_on(self, allowed: Callable[[], bool], over: Callable[[], bool], epoch: int) -> None:
        """Stamp until it is over."""
        try:
            while not over():
                if allowed():
                    self._stamp(epoch)
                else:
                    self._stop()
                await asyncio.sleep(EFFECT_SECONDS)
        finally:
            self._stop()

    def _stamp(self, epoch: int) -> None:
        now = time.monotonic()
        if self._last is None:
            say("in", now, epoch)
        self._last = now

    def _stop(self) -> None:
        if self._last is not None:
            say("out", self._last)
            self._last = None


class Queries:
    """Counts what every connection of this process sends to the server."""

    def __init__(self) -> None:
        self.count = 0

    async def connect(self, *arguments: Any, **options: Any) -> Any:
        """Connect, and count from then on."""
        connection = await _connect(*arguments, **options)
        connection.add_query_logger(self._add)
        return connection

    def _add(self, _query: Any) -> None:
        self.count += 1

    async def tell(self) -> None:
        """Say once a second how many there were since the start."""
        began = time.monotonic()
        while True:
            await asyncio.sleep(1)
            say("asked", self.count, round(time.monotonic() - began, 3))


_connect = asyncpg.connect


async def ours(url: str, key: int, profile: str) -> None:
    """Contend with the keeper, work whenever it leads, drain on SIGTERM."""
    guard = KillTimer()
    keeper = Keeper(
        url=lambda: url,
        lock_key=key,
        instance_id=f"bench-{uuid4().hex[:8]}",
        timing=PROFILES[profile],
        last_tick=boottime,
        guard=guard,
        damped=False,
    )
    async with anyio.create_task_group() as group:
        await group.start(_serve, keeper)
        group.start_soon(_work, keeper)
        group.start_soon(_ready, keeper)
        group.start_soon(_drain, keeper, group)


async def _serve(keeper: Keeper, *, task_status: Any) -> None:
    await keeper.serve(task_status=task_status)


async def _work(keeper: Keeper) -> None:
    effects = Effects()
    while True:
        term = await keeper.active()
        asked = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(_until_lost, keeper, term, asked)
            await effects.go_on(lambda t=term: t.trustworthy, lambda a=asked: a.is_set(), term.epoch)  # type: ignore[misc]
        keeper.work_ended(term)


async def _until_lost(keeper: Keeper, term: Term, asked: anyio.Event) -> None:
    await keeper.lost(term)
    asked.set()


async def _ready(keeper: Keeper) -> None:
    while not (keeper.view.state is LockState.PASSIVE and keeper.view.holder is not None):
        if keeper.view.state is LockState.ACTIVE:
            break
        await anyio.sleep(LOOK_SECONDS)
    say("ready")


async def _drain(keeper: Keeper, group: TaskGroup) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            await keeper.release(RELEASE_SECONDS)
            group.cancel_scope.cancel()
            return


async def peer(url: str, key: int, kind: str, queries: Queries) -> None:
    """Contend with asyncpg-lock, cancelled on SIGTERM, which is all it offers."""
    effects = Effects()
    options: dict[str, Any] = PEERS[kind]
    guard = AdvisoryLockGuard(connect=connect_func(url), **options)

    async def work() -> None:
        await effects.go_on(lambda: True, lambda: False, 0)

    running = asyncio.ensure_future(guard.run(key, work))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    while queries.count == 0:  # noqa: ASYNC110 - the library tells nobody
        await asyncio.sleep(LOOK_SECONDS)
    say("ready")
    with suppress(asyncio.CancelledError):
        await running
    # It closes its connection in a task that it leaves behind.
    await asyncio.sleep(0.2)


async def main(kind: str, url: str, key: int) -> None:
    """Contend until told to stop."""
    queries = Queries()
    asyncpg.connect = queries.connect
    telling = asyncio.ensure_future(queries.tell())
    loop = asyncio.get_running_loop()
    loop.add_reader(0, _end_with_input)
    try:
        await (ours(url, key, kind) if kind in PROFILES else peer(url, key, kind, queries))
    finally:
        telling.cancel()


def _end_with_input() -> None:
    if not os.read(0, 1024):
        os._exit(1)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
