"""The database as one term sees it: what it writes commits only while its epoch is the current one.

    begin READ COMMITTED + fence (shared lock, then the epoch in a second statement) ─▶ the caller's writes ─▶ commit

The fence's lock is held until the commit, and a claim of the next epoch waits for it. The database refuses a write
without the fence on every table of ours, so this class is the convenient way, not the guard.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from supervisor.database import COMMAND_SECONDS, PASSING, Connection, Pool, transaction
from supervisor.errors import SupervisorError
from supervisor.term import Term

STALE = "VG001"
FENCE = "SELECT lock_fence({lock_key}::bigint, {epoch}::bigint, {timeline}::bigint)"


class Fenced(SupervisorError):
    """The database refused a write of a term that is over; nothing of its transaction is kept. `epoch` says which."""

    def __init__(self, epoch: int, found: str) -> None:
        super().__init__(f"Writing in term {epoch}: {found}; its successor goes on.")
        self.epoch = epoch


class FencedDatabase:
    """Transactions of one term on a pool."""

    lost: tuple[type[Exception], ...] = PASSING

    def __init__(self, pool: Pool, lock_key: int, term: Term) -> None:
        self._pool = pool
        self._term = term
        # In the text, so that it travels with BEGIN: three integers, none of them anybody's input.
        self._fence = FENCE.format(lock_key=int(lock_key), epoch=int(term.epoch), timeline=int(term.timeline))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Open a fenced transaction; commit it when the block ends, roll it back when the block raises.

        Raises `TrustLost` when the term has ended, `Fenced` when the database says so: then the term ends.
        """
        # A suspended term writes: the database's own check is what guards a write, and it is never out of date.
        self._term.check_not_ended()
        try:
            async with (
                self._pool.acquire(timeout=COMMAND_SECONDS) as connection,
                transaction(connection, first=self._fence),
            ):
                yield connection
        except asyncpg.PostgresError as error:
            if error.sqlstate != STALE:
                raise
            self._term.end("fenced")
            raise Fenced(self._term.epoch, str(error)) from error

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Borrow a connection for reads; a write to a fenced table through it is refused by the database."""
        async with self._pool.acquire(timeout=COMMAND_SECONDS) as connection:
            yield connection
