"""A provider, a Telegram and a disk that do as they are told, for generations whose every step may be the last one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from bot.catalogue import File
from bot.generation.results import Fetched, ResultRefused, ResultUnavailable
from bot.generation.userfiles import FileRefused, FileUnavailable, Local
from bot.providers.base import (
    Failed,
    InputRefused,
    Misconfigured,
    NotReached,
    Order,
    OutcomeUnknown,
    Pending,
    Progress,
    ProviderError,
    Succeeded,
    TemporarilyFailed,
    TooManyRequests,
)
from tests.integration.bot.conftest import Bank, Killed

REFUSALS: dict[str, type[ProviderError]] = {
    "refused": InputRefused,
    "ours": Misconfigured,
    "failed": TemporarilyFailed,
    "limited": TooManyRequests,
    "unreached": NotReached,
    "nothing": OutcomeUnknown,
    "lost": OutcomeUnknown,
}
"""What a call may be answered with; `lost`: the task was made all the same."""


@dataclass
class Mortal(Bank):
    """A database whose process dies: at one of the next transactions, before its commit or right after it."""

    fuse: int | None = None
    commits: bool = True

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Open a transaction of the current term, unless the process ends."""
        if self.dead:
            raise Killed
        async with self.of(self.term) as connection:
            yield connection
            if self.fuse is not None:
                self.fuse -= 1
                self.dead = self.fuse < 0
            if self.dead and not self.commits:
                raise Killed
        if self.dead:
            raise Killed


@dataclass
class Provider:
    """Makes tasks, one for each order, by the token in its callback's address."""

    answer: str = "task"
    pieces: int = 1
    tasks: dict[str, str] = field(default_factory=dict)
    orders: dict[str, list[str]] = field(default_factory=dict)

    async def create(self, order: Order) -> str:
        """Make a task, or not, as told."""
        token = str(order.callback_url)
        if self.answer in {"task", "lost"}:
            made = f"task-{token}-{len(self.orders.get(token, []))}"
            self.orders.setdefault(token, []).append(made)
            self.tasks[made] = "pending"
        if self.answer != "task":
            raise REFUSALS[self.answer]("create", self.answer)
        return made

    async def poll(self, task_id: str) -> Progress:
        """Return how the task stands."""
        match self.tasks[task_id]:
            case "done":
                return Succeeded(tuple(f"https://p/{number}" for number in range(self.pieces)), Decimal(1))
            case "failed":
                return Failed("transient", "500", "")
            case "silent":
                raise OutcomeUnknown("poll", "timeout")
        return Pending()


@dataclass
class Disk:
    """Results and users' files, there or not."""

    trouble: Exception | None = None

    async def fetch(self, _generation_id: int, _place: int, _url: str, _room: int) -> Fetched:
        """Return a picture."""
        if isinstance(self.trouble, ResultRefused | ResultUnavailable):
            raise self.trouble
        return Fetched("png", 10_000_000)

    async def forget(self, _generation_id: int) -> None:
        """Remove what is not there."""

    async def sweep(self, _needed: list[int]) -> None:
        """Remove what is not there."""

    @asynccontextmanager
    async def fetched(self, generation_id: int, _file: File, _most: int) -> AsyncIterator[Local]:
        """Have a file here."""
        if isinstance(self.trouble, FileRefused | FileUnavailable):
            raise self.trouble
        yield Local(Path(f"/nowhere/{generation_id}"), "a.png", "image/png", 1)


@dataclass
class Host:
    """Takes files."""

    taken: int = 0

    async def upload(self, _name: str, _mime: str, _content: object, _size: int | None = None) -> str:
        """Return where the file is."""
        self.taken += 1
        return f"https://f/{self.taken}"


def address(token: UUID | object) -> str:
    """Return what stands for a callback's address."""
    return str(token)
