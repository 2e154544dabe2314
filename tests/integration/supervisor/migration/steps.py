"""Migration files made up by tests, and what they left in a database."""

from __future__ import annotations

import sys
from typing import Any

import anyio
from anyio.abc import Process

from supervisor.database import connected
from supervisor.migration import Migration

PROGRAM = """
import anyio, sys
from supervisor.migration import Migration
from supervisor.migrator import apply_migrations_safe
texts = sys.argv[2:]
files = [Migration.parse(f"{n:04}_pre_step.sql", text.encode()) for n, text in enumerate(texts, 1)]
print(*anyio.run(apply_migrations_safe, sys.argv[1], files).applied)
"""
HISTORY = "SELECT * FROM migration_history WHERE migration_name = $1::text"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migration_history'"


def files(*texts: str, phase: str = "pre") -> list[Migration]:
    """Return 0001_pre_step, 0002_pre_step … with these texts."""
    return [Migration.parse(f"{n:04}_{phase}_step.sql", text.encode()) for n, text in enumerate(texts, 1)]


async def process_applying(url: str, *texts: str) -> Process:
    """Start a process that applies `files(*texts)` and prints what it applied."""
    return await anyio.open_process([sys.executable, "-c", PROGRAM, url, *texts])


async def run(url: str, *statements: str) -> Any:
    """Run statements one by one; return the last one's value."""
    async with connected(url, application_name="test") as connection:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])


async def tables_of(url: str) -> set[str]:
    """Return the names of the tables, without the history."""
    async with connected(url, application_name="test") as connection:
        return {row["tablename"] for row in await connection.fetch(TABLES)}


async def history_of(url: str, name: str) -> Any:
    """Return the row of one migration, or None."""
    async with connected(url, application_name="test") as connection:
        return await connection.fetchrow(HISTORY, name)
