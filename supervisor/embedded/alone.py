"""The embedded server without the daemon: for `vigil db serve`, and for commands that need a database for a moment."""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
from anyio.abc import TaskGroup

from supervisor.embedded.room import HomeHeld
from supervisor.embedded.server import Embedded
from supervisor.home import create_home

HOLDER_SECONDS = 30.0
"""To be ready, for a holder that is starting."""
POLL_SECONDS = 0.05
STOP_SECONDS = 30.0
"""Nobody hurries a server that several instances share."""


async def serve_alone(home: Path) -> None:
    """Print the DATABASE_URL of the server of `home` and run it until SIGTERM or SIGINT."""
    server = Embedded(create_home(home), stop_seconds=STOP_SECONDS)
    # The receiver stays open until the server is gone: a second signal must not cut the shutdown short.
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals, _single_error():
        async with anyio.create_task_group() as group:
            await group.start(server.serve)
            sys.stdout.write(f"DATABASE_URL={server.url}\n")
            sys.stdout.flush()
            async for _ in signals:
                group.cancel_scope.cancel()
                break


@asynccontextmanager
async def at_hand(home: Path) -> AsyncIterator[str]:
    """Lend the DSN of the server of `home`: the one that already runs, else one that runs while the block does."""
    server = Embedded(create_home(home))
    with _single_error():
        async with anyio.create_task_group() as group:
            yield await _started_or_found(server, group)
            group.cancel_scope.cancel()


async def _started_or_found(server: Embedded, group: TaskGroup) -> str:
    """Start the server, or wait until whoever holds its home has; the holder may also give up meanwhile."""
    deadline = anyio.current_time() + HOLDER_SECONDS
    while True:
        try:
            await group.start(server.serve)
        except HomeHeld as held:
            if held.url is not None:
                return held.url
            if anyio.current_time() > deadline:
                raise
        else:
            return server.url
        await anyio.sleep(POLL_SECONDS)


@contextmanager
def _single_error() -> Iterator[None]:
    """Raise what happened inside a task group as itself, so that callers can tell errors apart."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from group
