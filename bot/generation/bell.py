"""Wakes everyone who waits for committed rows: a hint and nothing more, the safety net is each waiter's own poll."""

from __future__ import annotations

import anyio


class Bell:
    """One ring wakes every listener; rung while one does not wait, its next wait ends at once."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self) -> Listener:
        """Return a new listener."""
        listener = Listener(self)
        self._listeners.append(listener)
        return listener

    def ring(self) -> None:
        """Wake all."""
        for listener in self._listeners:
            listener.rung.set()


class Listener:
    """One who waits, and may ring as well."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self.rung = anyio.Event()

    def set(self) -> None:
        """Wake everyone."""
        self._bell.ring()

    async def wait(self, seconds: float) -> None:
        """Return once rung, or after so many seconds."""
        with anyio.move_on_after(seconds):
            await self.rung.wait()
        self.rung = anyio.Event()
