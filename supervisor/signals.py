"""The signal ladder: the first asks to drain, the second to hurry, the third ends the process.

The handlers are installed once and never taken back. A receiver that closes before the process exits would restore
the default action, and a second SIGTERM in the middle of the shutdown would kill what the first asked to end well.
"""

from __future__ import annotations

import asyncio
import os
import signal
from types import FrameType

import anyio

from telemetry import emit, events

HANDLED = (signal.SIGTERM, signal.SIGINT)


class Ladder:
    """Turns SIGTERM and SIGINT into `drain`, `hurry` and, the third time, `os._exit(128 + n)`.

    Create it in the main thread inside the running loop; `drain` and `hurry` are set on that loop.
    """

    def __init__(self) -> None:
        self.drain = anyio.Event()
        self.hurry = anyio.Event()
        self._seen = 0
        self._loop = asyncio.get_running_loop()
        for number in HANDLED:
            signal.signal(number, self._handle)

    def request_drain(self, by: str) -> None:
        """Do what the first signal does, for a reason of our own; called on the loop."""
        if not self.drain.is_set():
            emit(events.ShutdownRequested(by=by))
            self.drain.set()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._seen += 1
        if self._seen > len(HANDLED) or self._loop.is_closed():
            os._exit(128 + number)
        self._loop.call_soon_threadsafe(self._climb, signal.Signals(number).name, self._seen)

    def _climb(self, name: str, step: int) -> None:
        if step == 1:
            self.request_drain(name)
        else:
            emit(events.ShutdownRequested(by=name, hurried=True))
            self.drain.set()
            self.hurry.set()
