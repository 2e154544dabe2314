"""Connections through a pooler that lends a server session for one transaction only, such as PgBouncer.

Nothing lasts there beyond a transaction: no prepared statement, no setting, no session lock, no LISTEN. So every query
gets a transaction of its own unless it is in one, statements are not kept, and settings are repeated in each.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from supervisor.sql import sql

LASTING = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "synchronous_commit")
"""The settings that mean something within a transaction; the others are the link's, and the link is the pooler's."""


async def is_direct(connection: asyncpg.Connection) -> bool:
    """Whether the server process that answers is the one this connection was opened with."""
    async with connection.transaction():
        # Unnamed: through a pooler a named statement would stay on a server session that is not ours.
        probe = await connection.prepare(sql("lock_mode"), name="")
        return bool(await probe.fetchval() == connection.get_server_pid())


def is_pooled(connection: asyncpg.Connection) -> bool:
    """Whether `database.connect` has found a pooler between us and the server."""
    return isinstance(connection, _Pooled)


class _Pooled:
    __slots__ = ()


def through_pooler(settings: Mapping[str, str]) -> type[asyncpg.Connection]:
    """Return the class of connections through a pooler; what of `settings` can last is set in each transaction."""
    local = "".join(f"; SET LOCAL {name} = '{settings[name]}'" for name in LASTING if name in settings)

    class ThroughPooler(_Pooled, asyncpg.Connection):  # type: ignore[misc] # asyncpg publishes no types
        """A connection whose every query has a transaction around it."""

        __slots__ = ()

        async def execute(self, query: str, *args: Any, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - asyncpg's
            if query.startswith("BEGIN"):
                return await super().execute(f"{query.rstrip(';')}{local}", timeout=timeout)
            if not args:
                return await super().execute(query, timeout=timeout)
            async with self._apart():
                return await super().execute(query, *args, timeout=timeout)

        async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
            async with self._apart():
                return await super().fetch(query, *args, **options)

        async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
            async with self._apart():
                return await super().fetchrow(query, *args, **options)

        async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
            async with self._apart():
                return await super().fetchval(query, *args, **options)

        @asynccontextmanager
        async def _apart(self) -> AsyncIterator[None]:
            """Give the block a transaction, unless it is in one."""
            if self.is_in_transaction():
                yield
                return
            await self.execute("BEGIN")
            try:
                yield
            except BaseException:
                with suppress(asyncpg.InterfaceError, asyncpg.PostgresError, OSError, TimeoutError):
                    await super().execute("ROLLBACK", timeout=2.0)
                raise
            await super().execute("COMMIT")

    return ThroughPooler
