"""One bell a chat: rung when something in it changed, heard by the page and by `sandbox say`."""

from __future__ import annotations

import anyio


class Bells:
    """Counts the rings of every chat, so that a listener who was away hears what it missed."""

    def __init__(self) -> None:
        self._rings: dict[int, int] = {}
        self._waiting: dict[int, anyio.Event] = {}
        self._closed = False

    def rings(self, chat_id: int) -> int:
        """Return how often this chat's bell rang since the start."""
        return self._rings.get(chat_id, 0)

    def ring(self, chat_id: int) -> None:
        """Wake everyone who waits for this chat."""
        self._rings[chat_id] = self.rings(chat_id) + 1
        if event := self._waiting.pop(chat_id, None):
            event.set()

    def ring_all(self) -> None:
        """Wake everyone."""
        for chat_id in list(self._waiting):
            self.ring(chat_id)

    def close(self) -> None:
        """End every wait now and from now on, so that the server can stop."""
        self._closed = True
        self.ring_all()

    async def wait(self, chat_id: int, heard: int, seconds: float) -> None:
        """Return when the chat's count is another than `heard`, or after `seconds`."""
        if self._closed or self.rings(chat_id) != heard:
            return
        event = self._waiting.setdefault(chat_id, anyio.Event())
        with anyio.move_on_after(seconds):
            await event.wait()
