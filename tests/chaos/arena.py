"""The server that faults happen to: it can be stopped in every way, and asked past every link.

Called from the test's own thread, and blocking; the server's supervision and the queries run on another.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import anyio
import asyncpg
from anyio.from_thread import BlockingPortal

How = Literal["fast", "immediate"]
STOPS: dict[How, signal.Signals] = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


def last(seconds: float) -> None:
    """Let a fault last."""
    time.sleep(seconds)


class Arena:
    """The server; one database of it at a time is fought for."""

    def __init__(self, server: Any, portal: BlockingPortal) -> None:
        self.server = server
        self.portal = portal
        self._stack = ExitStack()

    def up(self) -> None:
        """Start the server on its data."""
        self._stack.enter_context(self.server.running())

    def down(self, how: How = "fast") -> None:
        """Stop it: fast, or at once, as a crash would; either way its clients see their connections end."""
        os.kill(self.server.pid, STOPS[how])
        self.server.failure()
        self._stack.close()

    def close(self) -> None:
        """Stop it for good."""
        self._stack.close()

    def restart(self, how: How = "fast") -> None:
        """Stop it and start it again at once."""
        self.down(how)
        self.up()

    @contextmanager
    def locking(self, url: str, statement: str) -> Iterator[None]:
        """Keep a transaction open that has run this statement."""
        connection = self.portal.call(_opened, url, f"BEGIN; {statement}")
        try:
            yield
        finally:
            self.portal.call(connection.close)

    @contextmanager
    def every_connection_taken(self, url: str) -> Iterator[None]:
        """Take every connection that the server has left, also those that become free meanwhile."""
        taken = self.portal.start_task_soon(_take_all, url)
        try:
            yield
        finally:
            taken.cancel()

    def ask(self, url: str, query: str, *arguments: object) -> list[Any]:
        """Run one query on a connection of its own and return its rows."""
        return self.portal.call(_ask, url, query, arguments)


async def _ask(url: str, query: str, arguments: tuple[object, ...]) -> list[Any]:
    connection = await asyncpg.connect(url, timeout=10, command_timeout=60)
    try:
        return (
            list(await connection.fetch(query, *arguments))
            if arguments or ";" not in query
            else [await connection.execute(query)]
        )
    finally:
        await connection.close(timeout=5)


async def _opened(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url, timeout=10, command_timeout=60)
    await connection.execute(statement)
    return connection


async def _take_all(url: str) -> None:
    """Connect until cancelled; then give everything back."""
    taken = []
    try:
        while True:
            try:
                taken.append(await asyncpg.connect(url, timeout=10))
            except asyncpg.TooManyConnectionsError:
                await anyio.sleep(0.01)
    finally:
        for connection in taken:
            connection.terminate()
