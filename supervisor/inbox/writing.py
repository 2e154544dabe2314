"""The connection that a handler is given: its fenced transaction begins with its first statement.

    not begun ──first statement──▶ waits for a turn ──▶ begun ──the handler ends──▶ committed, or rolled back
        └─────────the handler ends──▶ nothing to commit

Invariants
* A handler that makes no statement needs no connection and leaves no trace.
* Turns are fewer than the pool's connections, so the handlers together leave some for everybody else.
* Once beginning has failed, nothing of the handler can commit, whatever it made of the failure.
"""

from __future__ import annotations

import math
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Protocol, Self

import anyio

from supervisor.errors import SupervisorError

ENDED = "Using a handler's connection: the handler has ended; await what it starts."


class Database(Protocol):
    """What handling needs of the fenced database of its term."""

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """Open a fenced transaction."""
        ...


class Limit(Protocol):
    """Until when a handler may run."""

    until: float


class Ended(SupervisorError):
    """A handler's connection was used after the handler had ended."""


class Writing:
    """One handler's connection; leaving the block commits what was written, or rolls it back when the block raised."""

    __slots__ = (
        "_connection",
        "_database",
        "_failure",
        "_has_ended",
        "_limit",
        "_opening",
        "_seconds",
        "_transaction",
        "_turns",
    )

    def __init__(self, database: Database, turns: anyio.Semaphore, limit: Limit, seconds: float) -> None:
        self._database = database
        self._turns = turns
        self._limit = limit
        self._seconds = seconds
        self._connection: Any = None
        self._transaction: AbstractAsyncContextManager[Any] | None = None
        self._opening: anyio.Lock | None = None
        self._failure: BaseException | None = None
        self._has_ended = False

    @property
    def is_used(self) -> bool:
        """Whether a statement was made, or tried."""
        return self._opening is not None

    async def execute(self, query: str, *args: object) -> str:
        """Run a statement and return its command tag."""
        tag: str = await (self._connection or await self._opened()).execute(query, *args)
        return tag

    async def fetch(self, query: str, *args: object) -> list[Any]:
        """Return all rows."""
        found: list[Any] = await (self._connection or await self._opened()).fetch(query, *args)
        return found

    async def fetchrow(self, query: str, *args: object) -> Any | None:
        """Return the first row, or None."""
        return await (self._connection or await self._opened()).fetchrow(query, *args)

    async def fetchval(self, query: str, *args: object) -> Any:
        """Return the first column of the first row, or None."""
        return await (self._connection or await self._opened()).fetchval(query, *args)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._has_ended, self._connection = True, None
        if self._transaction is None:
            return None
        try:
            return await self._transaction.__aexit__(kind, error, trace)
        finally:
            self._turns.release()

    async def _opened(self) -> Any:
        if self._opening is None:
            self._opening = anyio.Lock()
        async with self._opening:
            if self._has_ended:
                raise Ended(ENDED)
            if self._failure is not None:
                raise self._failure
            if self._connection is None:
                try:
                    self._connection = await self._begun()
                except BaseException as error:
                    self._failure = error
                    raise
            return self._connection

    async def _begun(self) -> Any:
        # Waiting for a turn is no fault of the handler: its time begins anew with its transaction.
        self._limit.until = math.inf
        await self._turns.acquire()
        self._limit.until = anyio.current_time() + self._seconds
        transaction = self._database.transaction()
        try:
            connection = await transaction.__aenter__()
        except BaseException:
            self._turns.release()
            raise
        if self._has_ended:
            # Whoever waited here was not awaited by the handler: nobody would end this transaction.
            try:
                ended = Ended(ENDED)
                await transaction.__aexit__(Ended, ended, None)
            finally:
                self._turns.release()
            raise ended
        self._transaction = transaction
        return connection
