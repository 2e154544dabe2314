"""Recording events in tests: wait for what happens instead of sleeping.

    with testing.record() as recorded:
        ...
        won = await recorded.next(events.TermWon, timeout=5)

Costs nothing when unused: a recorder is one more sink while it is open. Events from other threads arrive too.
"""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self, TypeVar, overload

import anyio

from telemetry import emission
from telemetry.events.base import REGISTRY, Event

E = TypeVar("E", bound=Event)
DEADLINE_SECONDS = 10.0


class Recorder:
    """Every event emitted while it is open, in order."""

    def __init__(self) -> None:
        """Open: it records from here on."""
        self._events: list[Event] = []
        self._seen: dict[type[Event], int] = {}
        self._changed = threading.Condition()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        emission.attach("recorder", self._record)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Record nothing more; what was recorded stays."""
        emission.detach(self._record)

    @overload
    def all(self) -> list[Event]: ...
    @overload
    def all(self, kind: type[E]) -> list[E]: ...
    @overload
    def all(self, kind: str) -> list[Event]: ...

    def all(self, kind: type[Event] | str | None = None) -> list[Event] | list[E]:
        """What was recorded so far, of one kind or of every kind."""
        wanted = _wanted(kind)
        with self._changed:
            return [event for event in self._events if isinstance(event, wanted)]

    def names(self) -> list[str]:
        """The names of what was recorded so far, in order."""
        return [event.name for event in self.all()]

    @overload
    async def next(self, kind: type[E], timeout: float = DEADLINE_SECONDS) -> E: ...  # noqa: ASYNC109 - see below
    @overload
    async def next(self, kind: str, timeout: float = DEADLINE_SECONDS) -> Event: ...  # noqa: ASYNC109 - see below

    async def next(self, kind: type[Event] | str, timeout: float = DEADLINE_SECONDS) -> Event:  # noqa: ASYNC109 - it ends in a message
        """The first event of this kind that an earlier `next` has not given, as soon as there is one.

        Raises AssertionError when none comes in time, and says what came instead.
        """
        wanted = _wanted(kind)
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        with self._changed:
            self._waiting.add(waiter)
        try:
            with anyio.move_on_after(timeout):
                while True:
                    waiter[1].clear()
                    if (found := self._take(wanted)) is not None:
                        return found
                    await waiter[1].wait()
        finally:
            with self._changed:
                self._waiting.discard(waiter)
        raise AssertionError(self._missing(wanted, timeout))

    def wait(self, kind: type[Event] | str, timeout: float = DEADLINE_SECONDS) -> Event:
        """Like `next`, for code without an event loop."""
        wanted = _wanted(kind)
        with self._changed:
            found = self._changed.wait_for(lambda: self._take_locked(wanted), timeout)
        if found is None:
            raise AssertionError(self._missing(wanted, timeout))
        return found

    def _record(self, event: Event) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()
            for loop, changed in self._waiting:
                loop.call_soon_threadsafe(changed.set)

    def _take(self, wanted: type[Event]) -> Event | None:
        with self._changed:
            return self._take_locked(wanted)

    def _take_locked(self, wanted: type[Event]) -> Event | None:
        for position in range(self._seen.get(wanted, 0), len(self._events)):
            if isinstance(self._events[position], wanted):
                self._seen[wanted] = position + 1
                return self._events[position]
        self._seen[wanted] = len(self._events)
        return None

    def _missing(self, wanted: type[Event], seconds: float) -> str:
        return f"No further {wanted.name} within {seconds} s; recorded were: {', '.join(self.names()) or 'no events'}."


def record() -> Recorder:
    """A recorder, open from now on; close it, or use it in a `with` block."""
    return Recorder()


def _wanted(kind: type[Event] | str | None) -> type[Event]:
    if kind is None:
        return Event
    return REGISTRY[kind] if isinstance(kind, str) else kind
