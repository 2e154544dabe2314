"""Everything one sandbox process holds, handed to whoever serves a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from bot.sandbox.bells import Bells
from bot.sandbox.book import Book
from bot.sandbox.calls import Calls
from bot.sandbox.chats import Chats
from bot.sandbox.faults import Faults
from bot.sandbox.files import Files
from bot.sandbox.flood import Flood
from bot.sandbox.mailbox import Mailbox
from bot.sandbox.polls import Polls


@dataclass(frozen=True, slots=True)
class World:
    """The state and the services of the sandbox; `address` is its own; `clock` is the wall clock."""

    folder: Path
    address: str
    clock: Callable[[], float]
    client: httpx.AsyncClient
    book: Book
    bells: Bells
    chats: Chats
    mailbox: Mailbox
    polls: Polls
    files: Files
    faults: Faults
    calls: Calls
    flood: Flood

    @property
    def results(self) -> Path:
        """Where the provider's pictures lie."""
        return self.folder / "results"
