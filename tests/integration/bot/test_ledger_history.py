"""The migration to the ledger of today on books that are in use: nobody waits for its counting, and it counts each post."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import asyncpg
import pytest

from bot.sql import sql
from supervisor.migrator import apply_migrations_safe, load_migrations
from tests.integration.bot.test_ledger_versions import old, post

BEFORE = 6
"""Files of the version before."""
KEY = 7
LOCKS = """
    SELECT count(*) FILTER (WHERE NOT granted) > 0 AS waiting,
           count(*) FILTER (WHERE granted AND mode NOT IN ('AccessShareLock', 'RowShareLock') AND relation::regclass::text IN (
               'users', 'generation', 'ledger_account', 'ledger_transaction', 'ledger_entry', 'ledger_hold')) AS strong
      FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE application_name = 'vigil migrator' AND locktype = 'relation'"""
TOTALS = """
    SELECT json_object_agg(kind, posts || ' ' || credits ORDER BY kind)::text
      FROM (SELECT kind, sum(posts) AS posts, sum(credits) AS credits FROM ledger_rollup GROUP BY kind) AS by_kind"""


class Books:
    """Books of the version before, and connections to them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opened: list[Any] = []

    async def connection(self) -> Any:
        """Return one more."""
        self._opened.append(await asyncpg.connect(self.url, timeout=10, command_timeout=30))
        return self._opened[-1]

    async def close(self) -> None:
        """Close them all."""
        for connection in self._opened:
            await connection.close(timeout=10)


@pytest.fixture
async def books(empty_database_url: str) -> AsyncIterator[Books]:
    """A user with a gift, a hold and its charge, all of it by old statements."""
    await apply_migrations_safe(empty_database_url, load_migrations()[:BEFORE])
    opened = Books(empty_database_url)
    connection = await opened.connection()
    await connection.execute("SELECT lock_claim($1, 'test', 600000, NULL, NULL, 'free')", KEY)
    async with connection.transaction():
        await fence(connection)
        await connection.execute("INSERT INTO users (id, language) VALUES (5, 'en')")
        await connection.execute(old("account_open"), 5)
        await post(connection, "welcome", {"promotion": -20_000, "available": 20_000})
        posted = await post(connection, "hold", {"available": -800, "held": 800})
        hold = await connection.fetchval(old("hold_open"), 5, 800, posted, 60.0)
        posted = await post(connection, "charge", {"held": -800, "revenue": 500, "available": 300})
        await connection.execute(old("hold_resolve"), hold, "charged", posted)
    yield opened
    await opened.close()


async def fence(connection: Any) -> None:
    """Let the transaction write."""
    await connection.execute("SELECT lock_fence($1, 1)", KEY)


async def test_what_is_posted_while_history_is_counted_is_counted_once(
    books: Books, eventually: Callable[..., Awaitable[Any]]
) -> None:
    """One post is on its way when counting begins and is committed while the migration waits to take over."""
    posting, looking = await books.connection(), await books.connection()
    on_its_way = posting.transaction()
    await on_its_way.start()
    await fence(posting)
    await post(posting, "grant", {"grant": -70, "available": 70})
    async with anyio.create_task_group() as group:
        group.start_soon(apply_migrations_safe, books.url)
        await eventually(lambda: looking.fetchval(LOCKS))
        await on_its_way.commit()
    assert await looking.fetchval(TOTALS) == (
        '{ "charge" : "1 500", "grant" : "1 70", "hold" : "1 800", "welcome" : "1 20000" }'
    )
    found = await looking.fetch(sql("ledger_check"), 10)
    assert [row["offence"] for row in found] == ["unearned"]


async def test_nobody_waits_while_history_is_counted(books: Books, eventually: Callable[..., Awaitable[Any]]) -> None:
    """Counting is kept up at a table that cannot be read yet: until it ends, nothing is locked that a post needs."""
    keeping, looking = await books.connection(), await books.connection()
    kept = keeping.transaction()
    await kept.start()
    await keeping.execute("LOCK TABLE ledger_account IN ACCESS EXCLUSIVE MODE")
    found: list[Any] = []

    async def is_kept_up() -> bool:
        found[:] = [await looking.fetchrow(LOCKS)]
        return bool(found[0]["waiting"])

    async with anyio.create_task_group() as group:
        group.start_soon(apply_migrations_safe, books.url)
        await eventually(is_kept_up)
        await kept.rollback()
    assert found[0]["strong"] == 0
    assert await looking.fetchval(TOTALS) == '{ "charge" : "1 500", "hold" : "1 800", "welcome" : "1 20000" }'
