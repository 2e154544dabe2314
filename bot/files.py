"""The files of rows that are to be sent: fetched beside the calls, a few at a time.

    row ──get──▶ behind others until a place is free ──▶ fetched ──▶ here, its lane is told ──get──▶ the call

Invariants
* A provider's host may take minutes to give a file: meanwhile its lane waits, and no call of any other.
* A place is held until the file is taken or dropped: so many are fetched ahead of their calls, and no more.
* A fetch leaves nothing in doubt, so a stop simply ends it; whoever comes next fetches anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from anyio.abc import TaskGroup

from bot.delivery import Outgoing
from bot.sender import File

FILES: Final = 4


class Files:
    """Fetches with `fetch` in tasks of `group`; `arrived` is told the lane whose file is here."""

    def __init__(
        self, group: TaskGroup, fetch: Callable[[Outgoing], Awaitable[File]], arrived: Callable[[str], None]
    ) -> None:
        self._group = group
        self._fetch = fetch
        self._arrived = arrived
        self._waiting: deque[Outgoing] = deque()
        self._fetching = 0
        self._here: dict[str, tuple[int, File]] = {}

    def get(self, row: Outgoing) -> File | None:
        """Return the row's file if it is here; otherwise None, and its lane is told once it is."""
        number, found = self._here.pop(row.lane, (None, None))
        if number != row.id:
            found = None
            self._waiting.append(row)
        self._go_on()
        return found

    def drop(self, lane: str) -> None:
        """Let go of the lane's file: its row is not sent now."""
        if self._here.pop(lane, None) is not None:
            self._go_on()

    def _go_on(self) -> None:
        while self._waiting and self._fetching + len(self._here) < FILES:
            self._fetching += 1
            row = self._waiting.popleft()
            self._group.start_soon(self._run, row, name=f"file:{row.id}")

    async def _run(self, row: Outgoing) -> None:
        """Fetch one file, until it is here or the outbox ends."""
        try:
            self._here[row.lane] = row.id, await self._fetch(row)
        finally:
            self._fetching -= 1
        self._arrived(row.lane)
