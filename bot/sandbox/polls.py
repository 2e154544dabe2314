"""getUpdates requests that wait: one a bot, a newer one that has to wait too ends the older one with a 409.

As Telegram does: a newer one that finds updates, or does not want to wait, leaves the older one alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from bot.sandbox.errors import ApiError

OTHER_POLL = "terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_SET = "terminated by setWebhook request"


class Poll:
    """One waiting getUpdates request."""

    def __init__(self) -> None:
        self._rung = anyio.Event()
        self._conflict = ""
        self.closed = False

    def ring(self) -> None:
        """Let the request look again."""
        self._rung.set()

    def end(self, conflict: str) -> None:
        """End the request with this conflict; without one, with what there is."""
        self._conflict, self.closed = conflict, True
        self.ring()

    def check(self) -> None:
        """Raise the 409 when another request ended this one."""
        if self._conflict:
            raise ApiError(409, f"Conflict: {self._conflict}")

    async def wait(self) -> None:
        """Return when it is worth looking again."""
        await self._rung.wait()
        self._rung = anyio.Event()


class Polls:
    """The waiting request of every bot."""

    def __init__(self) -> None:
        self._open: dict[int, Poll] = {}
        self._closed = False

    @contextmanager
    def begin(self, bot_id: int) -> Iterator[Poll]:
        """Wait as the bot's only request."""
        self.end(bot_id, OTHER_POLL)
        poll = self._open[bot_id] = Poll()
        poll.closed = self._closed
        try:
            yield poll
        finally:
            if self._open.get(bot_id) is poll:
                del self._open[bot_id]

    def is_open(self, bot_id: int) -> bool:
        """Whether the bot waits for updates right now."""
        return bot_id in self._open

    def ring(self, bot_id: int, chat_id: int = 0) -> None:  # noqa: ARG002 - the mailbox names the chat as well
        """Let the bot's request look again."""
        if poll := self._open.get(bot_id):
            poll.ring()

    def ring_all(self) -> None:
        """Let every request look again."""
        for poll in self._open.values():
            poll.ring()

    def end(self, bot_id: int, conflict: str) -> None:
        """End the bot's request with a 409."""
        if poll := self._open.pop(bot_id, None):
            poll.end(conflict)

    def close(self) -> None:
        """End every request now and at once from now on, so that the server can stop."""
        self._closed = True
        for poll in self._open.values():
            poll.end("")
