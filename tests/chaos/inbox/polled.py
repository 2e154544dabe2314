"""Lets chats write to a bot that polls, and writes down what the bot has confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from tests.chaos.inbox import bodies
from tests.chaos.inbox.feeder import Feeder
from tests.chaos.inbox.office import Office
from tests.chaos.inbox.script import Script

MOST = 300
"""Updates that wait at once: three polls' worth."""
GAP, GAPS = 0.02, 3
"""How often numbers are left out between two updates, and how many at most."""
FULL_SECONDS = 0.05


@dataclass
class Polled(Feeder):
    """One Telegram; `doors` is its own port, and an update is acknowledged once an offset beyond it was asked for."""

    certain: ClassVar[tuple[str, ...]] = ("polls",)
    shapes: ClassVar[tuple[bytes, ...]] = bodies.ENTRIES
    malformed_lane: ClassVar[str] = "op:malformed"
    office: Office = field(init=False)

    def __post_init__(self) -> None:
        self.office = Office(self.rng, self.answers, self._confirmed)

    async def run(self, chats: Sequence[int]) -> None:
        """Let so many chats write until told to stop, then answer polls until everything has been confirmed."""
        (port,) = self.doors
        async with self.office.open(port):
            async with asyncio.TaskGroup() as group:
                for chat in chats:
                    group.create_task(self._write(chat))
            # The number of an entry that cannot be read is known from one that can: the last one must be such.
            self.wanted.append(Script("slow", 0.01))
            self._add(chats[0])
            await self.office.emptied.wait()

    async def _write(self, chat: int) -> None:
        while not self._stopping:
            await asyncio.sleep(self.rng.uniform(0, self.mix.pause))
            if len(self.office.pending) < MOST:
                self._add(chat)
            else:
                await asyncio.sleep(FULL_SECONDS)

    def _add(self, chat: int) -> None:
        self._number += self.rng.randint(1, GAPS) if self.rng.random() < GAP else 0
        body = self._next(chat)
        self.office.add(self._number, body)
