"""A signal between tasks of one loop that is never lost and never piles up."""

from __future__ import annotations

import anyio


class Wake:
    """Set any number of times it wakes its one waiter once; set while nobody waits, the next wait ends at once.

    Whatever was done before `set()` is visible to the waiter that it wakes.
    """

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = anyio.Event()

    def set(self) -> None:
        """Wake the waiter."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return once set, or after `seconds`; what was set until then is used up."""
        with anyio.move_on_after(seconds):
            await self._event.wait()
        self._event = anyio.Event()
