"""Connections through a pooler that lends a server session for one transaction only, such as PgBouncer.

Nothing lasts there beyond a transaction: no prepared statement, no setting, no session lock, no LISTEN. So every query
gets a transaction of its own unless it is in one, statements are not kept, and settings are repeated in each.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import asyncpg

from supervisor.sql import sql

LASTING = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "synchronous_commit")
"""The settings that mean something within a transaction; the others are the link's, and the link is the pooler's."""
ROLLBACK_SECONDS = 2.0


async def is_direct(connection: asyncpg.Connection) -> bool:
    """Whether the server process that answers is the one this connection was opened with."""
    async with connection.transaction():
        # Unnamed: through a pooler a named statement would stay on a server session that is not ours.
        probe = await connection.prepare(sql("lock_mode"), name="")
        return bool(await probe.fetchval() == connection.get_server_pid())


def is_pooled(connection: asyncpg.Connection) -> bool:
    """Whether `database.connect` has found a pooler between us and the server."""
    # Not isinstance: asyncpg's metaclass says yes for every connection.
    return ThroughPooler in type(connection).__mro__


def through_pooler(settings: Mapping[str, str]) -> type[asyncpg.Connection]:
    """Return the class of connections through a pooler; what of `settings` can last is set in each transaction."""
    local = "".join(f"; SET LOCAL {name} = '{settings[name]}'" for name in LASTING if name in settings)
    return type("ThroughPooler", (ThroughPooler,), {"__slots__": (), "local": local})


class ThroughPooler(asyncpg.Connection):  # type: ignore[misc] # asyncpg publishes no types
    """A connection whose every query has a transaction around it; its `timeout` is for all of that together."""

    __slots__ = ()
    local = ""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - asyncpg's
        """As asyncpg does, in a transaction of its own."""
        if query.startswith("BEGIN"):
            return await super().execute(f"{query.rstrip(';')}{self.local}", timeout=timeout)
        if not args:
            return await super().execute(query, timeout=timeout)
        async with self._apart(timeout):
            return await super().execute(query, *args, timeout=timeout)

    async def fetch(self, query: str, *args: Any, timeout: float | None = None, **options: Any) -> Any:  # noqa: ASYNC109 - as above
        """As asyncpg does, in a transaction of its own."""
        async with self._apart(timeout):
            return await super().fetch(query, *args, timeout=timeout, **options)

    async def fetchrow(self, query: str, *args: Any, timeout: float | None = None, **options: Any) -> Any:  # noqa: ASYNC109 - as above
        """As asyncpg does, in a transaction of its own."""
        async with self._apart(timeout):
            return await super().fetchrow(query, *args, timeout=timeout, **options)

    async def fetchval(self, query: str, *args: Any, timeout: float | None = None, **options: Any) -> Any:  # noqa: ASYNC109 - as above
        """As asyncpg does, in a transaction of its own."""
        async with self._apart(timeout):
            return await super().fetchval(query, *args, timeout=timeout, **options)

    @asynccontextmanager
    async def _apart(self, seconds: float | None) -> AsyncIterator[None]:
        """Give the block a transaction, unless it is in one."""
        if self.is_in_transaction():
            yield
            return
        try:
            with anyio.fail_after(seconds):
                await self.execute("BEGIN")
                try:
                    yield
                except (asyncpg.PostgresError, asyncpg.InterfaceError):
                    await super().execute("ROLLBACK", timeout=ROLLBACK_SECONDS)
                    raise
                await super().execute("COMMIT")
        except (asyncpg.PostgresError, asyncpg.InterfaceError):
            if self.is_in_transaction():
                self.terminate()
            raise
        except BaseException:
            # Interrupted between BEGIN and COMMIT: what follows must not land in what may have been left open.
            self.terminate()
            raise
