"""The signal ladder: the first asks to drain, the second to hurry, the third ends the process.

The handlers are installed once and never taken back. A receiver that closes before the process exits would restore
the default action, and a second SIGTERM in the middle of the shutdown would kill what the first asked to end well.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

import anyio

from telemetry import emit, events

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LAST_STEP = 2
"""Signals after which the next one ends the process."""


class Ladder:
    """Turns SIGTERM, SIGINT and SIGHUP into `drain`, `hurry` and, the third time, `os._exit(128 + n)`.

    A closed terminal sends SIGHUP; whoever started us with `nohup` has had it ignored, and it stays so.

    Create it in the main thread inside the running loop; `drain` and `hurry` are set on that loop.
    """

    def __init__(self) -> None:
        self.drain = anyio.Event()
        self.hurry = anyio.Event()
        self._seen = 0
        self._loop = asyncio.get_running_loop()
        for number in HANDLED:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    def request_drain(self, by: str) -> None:
        """Do what the first signal does, for a reason of our own; called on the loop."""
        if not self.drain.is_set():
            emit(events.ShutdownRequested(by=by))
            self.drain.set()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._seen += 1
        if self._seen > LAST_STEP:
            os._exit(128 + number)
        # Closed: everything has been stopped in order, and the exit code is to say so.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._climb, signal.Signals(number).name, self._seen)

    def _climb(self, name: str, step: int) -> None:
        if step == 1:
            self.request_drain(name)
        else:
            emit(events.ShutdownRequested(by=name, hurried=True))
            self.drain.set()
            self.hurry.set()


@asynccontextmanager
async def until(event: anyio.Event) -> AsyncIterator[None]:
    """Cancel the block when the event is set."""

    async def cancel() -> None:
        await event.wait()
        group.cancel_scope.cancel("asked to stop")

    async with anyio.create_task_group() as group:
        group.start_soon(cancel)
        yield
        group.cancel_scope.cancel()
