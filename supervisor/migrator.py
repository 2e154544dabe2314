"""Applies migrations: one migrator at a time, one transaction a file, every outcome recorded.

    wait for the lock (polled) ─▶ history there? ─▶ plan ─▶ for each pending file:
        BEGIN ─▶ the file ─▶ record success ─▶ COMMIT          both or neither
          └─ error: ROLLBACK ─▶ record failed, in a transaction of its own ─▶ raise

Invariants: a file is in effect exactly when its row says success; two migrators never run at once; a migrator that is
killed leaves nothing half done and nothing locked. The lock is polled: a blocked waiter would hold a snapshot, and
would hang an index that is built concurrently.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import anyio
import asyncpg

from supervisor import __version__
from supervisor.database import LOST, REFUSED, Connection, ConnectionLost, connected, place, refused, transaction
from supervisor.errors import ConfigError, SupervisorError, Unavailable
from supervisor.migration import SUCCESS, Applied, Line, Migration, Phase, State, describe, ordered, plan
from supervisor.sql import sql
from telemetry import emit, events

LOCK_KEY = int.from_bytes(hashlib.sha256(b"vigil:migrations").digest()[:8], "big", signed=True)
LOCK_SECONDS = 60.0
LOCK_POLL_SECONDS = 0.1
COMMAND_SECONDS = 30.0
COUNT_SECONDS = 2.0
FILE_SECONDS = 900.0
"""For one file, and again for its commit."""
BUSY_BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0)
"""Waits before trying a file again whose table was busy longer than lock_timeout."""
ERROR_CHARACTERS = 2_000
SESSION = {"lock_timeout": "5000", "statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}

BeforePost = Callable[[Connection], Awaitable[None]]
"""Runs first inside the transaction of every post file; raises to stop it."""


class MigrationFailed(ConfigError):
    """A migration file was refused by the database; nothing of it is in effect."""


@dataclass(frozen=True, slots=True)
class Status:
    """Where a database stands: `ok` when every pre file of this build is in effect, `count` files in effect."""

    ok: bool
    count: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run did and left: names of migrations, with the meanings of `Plan`."""

    applied: tuple[str, ...]
    held_back: tuple[str, ...]
    unknown: tuple[str, ...]


@cache
def load_migrations(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """Return the migrations of a folder in order, read once; without one, those shipped with this build."""
    source = files("migrations") if folder is None else folder
    found = (entry for entry in source.iterdir() if entry.name.endswith(".sql"))
    return ordered(Migration.parse(entry.name, entry.read_bytes()) for entry in found)


async def get_applied_migrations(connection: Connection) -> list[Applied]:
    """Return the history, oldest first; empty on a database that was never migrated."""
    try:
        rows = await connection.fetch(sql("migration_history"))
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
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


async def check_migrations_status(
    connection: Connection,
    migrations: Sequence[Migration] | None = None,
) -> tuple[bool, int]:
    """Tell whether every pre file of this build is in effect unedited, and how many files are in effect."""
    status = await _status(connection, load_migrations() if migrations is None else migrations)
    return status.ok, status.count


async def migration_status(url: str, migrations: Sequence[Migration] | None = None) -> Status:
    """Return the state of every migration, of this build and of the database; changes nothing."""
    wanted = load_migrations() if migrations is None else migrations
    with _explained(url):
        async with connected(url, application_name="vigil migrator", command_seconds=COMMAND_SECONDS) as session:
            return await _status(session, wanted)


async def _status(connection: Connection, migrations: Sequence[Migration]) -> Status:
    lines = describe(migrations, await get_applied_migrations(connection))
    ok = all(line.state is State.APPLIED for line in lines if line.phase is Phase.PRE)
    return Status(ok, sum(line.in_effect for line in lines), lines)


async def apply_migrations_safe(
    url: str,
    migrations: Sequence[Migration] | None = None,
    *,
    include_post: bool = False,
    before_post: BeforePost | None = None,
    lock_seconds: float = LOCK_SECONDS,
) -> Outcome:
    """Apply what is pending; safe in any number of processes at once, and again after a crash."""
    wanted = load_migrations() if migrations is None else migrations
    with _explained(url):
        async with connected(
            url, application_name="vigil migrator", command_seconds=COMMAND_SECONDS, settings=SESSION
        ) as session:
            await _lock(session, lock_seconds)
            await _ready_history(session)
            steps = plan(wanted, await get_applied_migrations(session), include_post=include_post)
            try:
                for migration in steps.pending:
                    await _apply(session, migration, before_post)
            finally:
                await _count(session, wanted)
    return Outcome(_names(steps.pending), _names(steps.held_back), steps.unknown)


def _names(migrations: Sequence[Migration]) -> tuple[str, ...]:
    return tuple(migration.name for migration in migrations)


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn what asyncpg raises into an error that says what to do."""
    try:
        yield
    except REFUSED as refusal:
        raise refused("Migrating", url, refusal) from refusal
    except LOST as failure:
        raise ConnectionLost(
            f"Migrating the database at {place(url)}: the connection was lost ({failure or type(failure).__name__}).",
            hint="start again: what was applied stays, and the file that was running left nothing behind.",
        ) from failure


async def _count(session: Connection, migrations: Sequence[Migration]) -> None:
    """Publish how many migrations are in which state, if the session still lives."""
    if session.is_closed():
        return
    with anyio.move_on_after(COUNT_SECONDS, shield=True), suppress(*LOST):
        states = Counter(line.state for line in (await _status(session, migrations)).lines)
        emit(
            events.MigrationsCounted(
                applied=states[State.APPLIED] + states[State.UNKNOWN],
                pending=states[State.PENDING],
                failed=states[State.FAILED],
                drifted=states[State.EDITED],
            )
        )


async def _lock(session: Connection, seconds: float) -> None:
    with anyio.move_on_after(seconds):
        while not await session.fetchval(sql("migration_lock"), LOCK_KEY):  # noqa: ASYNC110 - see above: polled
            await anyio.sleep(LOCK_POLL_SECONDS)
        return
    raise Unavailable(
        f"Another process has been migrating this database for {seconds:.0f} s.",
        hint="wait for it; 'vigil migrate status' shows how far it is.",
    )


async def _ready_history(session: Connection) -> None:
    if not await session.fetchval(sql("migration_ready")):
        async with transaction(session):
            await session.execute(sql("migration_bootstrap"))


async def _apply(session: Connection, migration: Migration, before_post: BeforePost | None) -> None:
    waits = iter(BUSY_BACKOFF_SECONDS)
    while True:
        try:
            return await _apply_once(session, migration, before_post)
        except asyncpg.LockNotAvailableError as busy:
            wait = next(waits, None)
            if wait is None:
                return await _fail(session, migration, busy)
            await anyio.sleep(wait)
        except LOST:
            raise
        except (asyncpg.PostgresError, SupervisorError) as failure:
            return await _fail(session, migration, failure)


async def _apply_once(session: Connection, migration: Migration, before_post: BeforePost | None) -> None:
    started = time.monotonic()
    async with transaction(session, end_seconds=FILE_SECONDS):
        if migration.phase is Phase.POST and before_post is not None:
            await before_post(session)
        await session.execute(_guarded(migration), timeout=FILE_SECONDS)
        await session.execute(sql("migration_record"), migration.name, SUCCESS, None)
        seconds = time.monotonic() - started
        who = f"{socket.gethostname()}:{os.getpid()}"
        await session.execute(
            sql("migration_details"), migration.name, migration.checksum, round(seconds * 1000), who, __version__
        )
    emit(events.MigrationApplied(version=migration.name, seconds=round(seconds, 3)))


def _guarded(migration: Migration) -> str:
    """Wrap the file so that the server itself refuses a BEGIN, COMMIT or ROLLBACK in it, before it has any effect."""
    outer, inner = f"$outer_{migration.checksum}$", f"$inner_{migration.checksum}$"
    return f"DO {outer} BEGIN EXECUTE {inner}{migration.text}{inner}; END {outer}"


async def _fail(session: Connection, migration: Migration, failure: Exception) -> None:
    emit(events.MigrationFailed(version=migration.name, error=failure))
    text = _described(migration, failure)
    await session.execute(sql("migration_record"), migration.name, "failed", text[:ERROR_CHARACTERS])
    raise MigrationFailed(
        f"Applying {migration.name}: {text}",
        hint="nothing of it is in effect; correct the file or the data, then run 'vigil migrate apply'.",
    ) from failure


def _described(migration: Migration, failure: Exception) -> str:
    if isinstance(failure, asyncpg.FeatureNotSupportedError) and "transaction commands" in str(failure):
        return "the file begins or ends a transaction itself, which would tear it in two; remove BEGIN and COMMIT."
    position = getattr(failure, "internal_position", None)
    line = f" (line {migration.text[: int(position)].count(chr(10)) + 1})" if position else ""
    return f"{failure}{line}"
