"""What the bot is handed: it names its needs here and imports nothing of the supervisor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from anyio.abc import TaskStatus


class Connection(Protocol):
    """The part of an asyncpg connection that handlers use; every call has the pool's timeout."""

    async def execute(self, query: str, *args: object) -> str:
        """Run a statement and return its command tag."""
        ...

    async def fetch(self, query: str, *args: object) -> list[Any]:
        """Return all rows."""
        ...

    async def fetchrow(self, query: str, *args: object) -> Any | None:
        """Return the first row, or None."""
        ...

    async def fetchval(self, query: str, *args: object) -> Any:
        """Return the first column of the first row, or None."""
        ...


class Term(Protocol):
    """One period of being ACTIVE."""

    @property
    def epoch(self) -> int:
        """The fencing token; grows with every term."""
        ...

    async def trusted(self) -> None:
        """Return when an outside effect may start right now; raise once the term has ended.

        Await it right before each effect: while the lock's session is lost it waits.
        """
        ...

    def remaining(self) -> float:
        """Return for how many seconds the term can surely be relied on; 0 once it has ended."""
        ...


class Database(Protocol):
    """The database as one term sees it."""

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        """What a query raises when the server went away or gave up this time: trying again helps, while the term lasts."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """Open a fenced transaction: it commits only while the term's epoch is the current one."""
        ...

    def reading(self) -> AbstractAsyncContextManager[Connection]:
        """Borrow a connection for reads; a write to a fenced table through it is refused by the database."""
        ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """One thing to be kept in the inbox: an update, a callback, an operator's command.

    `dedupe_key` is unique within `source`; `lane` orders it (`chat:…`, `user:…`, `task:…`, `pay:…`, `op:…`).
    `dead` keeps the row without handling it and says why.
    """

    source: Literal["telegram", "kie", "yookassa", "stripe", "operator"]
    dedupe_key: str
    lane: str
    body: bytes
    dead: str | None = None


class Inbox(Protocol):
    """Durable acceptance of arrivals; every instance has one, whatever its role."""

    async def put(self, arrival: Arrival) -> Literal["new", "duplicate"]:
        """Return once the arrival is committed; any exception means it was not stored and must be offered again."""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """How a model has done lately: the share that succeeded, and how long one takes; None while too few are known."""

    success: float | None = None
    seconds: float | None = None


HealthOf = Callable[[str], Health]
"""The health of the model with this id, from memory: it is asked for every model of a menu."""


class Wake(Protocol):
    """A signal that is never lost and never piles up."""

    def set(self) -> None:
        """Wake the waiter."""
        ...

    async def wait(self, seconds: float) -> None:
        """Return once set, or after `seconds`."""
        ...


class Serve(Protocol):
    """A managed task: `started()` when useful, then run until cancelled."""

    async def __call__(self, *, task_status: TaskStatus[None]) -> None:
        """Run until cancelled."""
        ...
