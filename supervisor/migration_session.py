"""A connection that may migrate: the one migrator of its database, with the history at hand.

The lock is polled, never waited for: a blocked waiter would hold a snapshot, and would hang an index that is built
concurrently. It is the session's, so whoever is killed frees it within the seconds the server needs to notice. Through a
pooler no session is ours: there a second connection keeps it in a transaction that stays open meanwhile. Only the one
who has it keeps a transaction: those of waiters would take the pooler's last sessions from the one they wait for.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
import asyncpg

from supervisor import __version__
from supervisor.database import LOST, REFUSED, Connection, ConnectionLost, connected, place, refused, transaction
from supervisor.errors import Unavailable
from supervisor.migration import Applied, Migration
from supervisor.pooler import is_pooled
from supervisor.sql import sql

LOCK_KEY = int.from_bytes(hashlib.sha256(b"vigil:migrations").digest()[:8], "big", signed=True)
LOCK_SECONDS = 60.0
LOCK_POLL_SECONDS = 0.1
COMMAND_SECONDS = 30.0
LOCK_TIMEOUT_MS = "1000"
"""A file that waits for a table makes everybody else wait for it too: not longer than a heartbeat may be late."""
SESSION = {"lock_timeout": LOCK_TIMEOUT_MS, "statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}


@asynccontextmanager
async def migrating(url: str, *, lock_seconds: float = LOCK_SECONDS) -> AsyncIterator[Connection]:
    """Lend the session of the one migrator; raise `Unavailable` when another keeps it for `lock_seconds`."""
    async with session(url, settings=SESSION) as connection:
        if not is_pooled(connection):
            await _lock(connection, lock_seconds)
            yield connection
            return
        async with session(url, settings=SESSION) as keeper, _kept(keeper, lock_seconds):
            yield connection


@asynccontextmanager
async def session(url: str, *, settings: dict[str, str] | None = None) -> AsyncIterator[Connection]:
    """Lend a connection for looking at the migrations; what asyncpg raises says what to do."""
    with _explained(url):
        async with connected(
            url, application_name="vigil migrator", command_seconds=COMMAND_SECONDS, settings=settings
        ) as connection:
            yield connection


async def get_applied_migrations(connection: Connection) -> list[Applied]:
    """Return the history, oldest first; empty on a database that was never migrated."""
    try:
        rows = await connection.fetch(sql("migration_history"))
    except asyncpg.UndefinedTableError:
        return []
    return [
        Applied(
            name=row["migration_name"],
            status=row["status"],
            applied_at=row["applied_at"],
            checksum=row["checksum"],
            attempts=row["attempts"],
            error=row["error_message"],
        )
        for row in rows
    ]


async def ready_history(connection: Connection) -> None:
    """Create the history and its functions, or add to an older one what it lacks."""
    if not await connection.fetchval(sql("migration_ready")):
        async with transaction(connection):
            await connection.execute(sql("migration_bootstrap"))


async def record(connection: Connection, name: str, status: str, error: str | None = None) -> None:
    """Write down how a migration stands; what is a success stays one."""
    await connection.execute(sql("migration_record"), name, status, error)


async def record_details(connection: Connection, migration: Migration, seconds: float) -> None:
    """Write down which text it was, and who took how long over it."""
    who = f"{socket.gethostname()}:{os.getpid()}"
    await connection.execute(
        sql("migration_details"), migration.name, migration.checksum, round(seconds * 1000), who, __version__
    )


async def _lock(connection: Connection, seconds: float) -> None:
    with anyio.move_on_after(seconds):
        while not await connection.fetchval(sql("migration_lock"), LOCK_KEY):  # noqa: ASYNC110 - see above: polled
            await anyio.sleep(LOCK_POLL_SECONDS)
        return
    raise _taken(seconds)


@asynccontextmanager
async def _kept(keeper: Connection, seconds: float) -> AsyncIterator[None]:
    """Be the one migrator while the block runs."""
    end = anyio.current_time() + seconds
    while anyio.current_time() < end:
        async with transaction(keeper):
            if await keeper.fetchval(sql("migration_lock_pooled"), LOCK_KEY):
                # A fetch leaves its portal open, and with it a snapshot; a simple query closes both.
                await keeper.execute("SELECT")
                yield
                return
        await anyio.sleep(LOCK_POLL_SECONDS)
    raise _taken(seconds)


def _taken(seconds: float) -> Unavailable:
    return Unavailable(
        f"Another process has been migrating this database for {seconds:.0f} s.",
        hint="wait for it; 'vigil migrate status' shows how far it is.",
    )


@contextmanager
def _explained(url: str) -> Iterator[None]:
    try:
        yield
    except asyncpg.ReadOnlySQLTransactionError as read_only:
        raise Unavailable(
            f"Migrating the database at {place(url)}: the server is read-only.",
            hint="use the primary's address; after a failover, wait until the standby is promoted.",
        ) from read_only
    except REFUSED as refusal:
        raise refused("Migrating", url, refusal) from refusal
    except LOST as failure:
        raise ConnectionLost(
            f"Migrating the database at {place(url)}: the connection was lost ({failure or type(failure).__name__}).",
            hint="start again: what was applied stays, and the file that was running left nothing behind.",
        ) from failure
