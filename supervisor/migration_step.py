"""Applies one file: in one transaction with its record; an index that is built concurrently, in three.

    BEGIN ─▶ (the gate of a post file) ─▶ the file ─▶ record success ─▶ COMMIT      both or neither
    concurrent index:  record running ─▶ clear away a half ─▶ build ─▶ record success
    a table is busy for lock_timeout:  ROLLBACK ─▶ wait, jittered ─▶ again, a bounded number of times
    any other error:   ROLLBACK, or drop the half ─▶ record failed ─▶ raise

Invariants: a file is in effect exactly when its row says success; whoever is killed leaves nothing, or the half of an
index in a row that says running, which the next migrator clears away.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable

import anyio
import asyncpg

from supervisor.child import Backoff
from supervisor.database import END_SECONDS, LOST, Connection, transaction
from supervisor.errors import ConfigError, Unavailable
from supervisor.migration import RUNNING, SUCCESS, Applied, Migration, Phase
from supervisor.migration_session import LOCK_TIMEOUT_MS, record, record_details
from supervisor.sql import sql
from telemetry import emit, events

FILE_SECONDS = 900.0
"""For one pre file, and again for its commit."""
POST_SECONDS = 60.0
"""For one post file: what it locks the bot's work waits for, and a successor's claim waits for the fence."""
MARGIN_SECONDS = 5.0
"""By which the server gives up a statement before the client does, with a clear error instead of a lost connection."""
BUSY_RETRIES = 10
BUSY_BACKOFF = Backoff(base=0.5, cap=5.0)
ERROR_CHARACTERS = 2_000
NOT_THE_FILE = (*LOST, asyncpg.ReadOnlySQLTransactionError)
"""What says nothing about the file: the connection was cut, or the server is a standby."""
THERE_ALREADY = (asyncpg.DuplicateTableError, asyncpg.DuplicateFunctionError, asyncpg.DuplicateObjectError)

Gate = Callable[[Connection], Awaitable[None]]
"""Runs first inside the transaction of every post file; what it raises stops the run and is no failure of the file."""


class MigrationFailed(ConfigError):
    """A migration file was refused by the database; nothing of it is in effect."""


class MigrationBusy(Unavailable):
    """What a migration file wants to change was in use all the time; nothing of it is in effect."""


async def apply_file(
    session: Connection, migration: Migration, before: Applied | None, gate: Gate | None, rng: random.Random
) -> None:
    """Put one file into effect and record it; `before` is its row, if it was tried already."""
    for attempt in range(1, BUSY_RETRIES + 2):
        try:
            if migration.index is None:
                return await _in_transaction(session, migration, gate)
            return await _build_index(session, migration, before)
        except _Refused as refusal:
            failure = refusal.error
            if not isinstance(failure, asyncpg.LockNotAvailableError | asyncpg.DeadlockDetectedError):
                await _fail(session, migration, failure)
            if attempt > BUSY_RETRIES:
                await _fail_busy(session, migration, failure)
            wait = BUSY_BACKOFF.delay(attempt, rng)
            emit(events.MigrationBusy(version=migration.name, attempt=attempt, retry_seconds=round(wait, 2)))
            await anyio.sleep(wait)
    return None


class _Refused(Exception):
    """The database refused the file itself."""

    def __init__(self, error: asyncpg.PostgresError) -> None:
        super().__init__(str(error))
        self.error = error


async def _in_transaction(session: Connection, migration: Migration, gate: Gate | None) -> None:
    started = time.monotonic()
    post, through = migration.phase is Phase.POST, False
    limit, end = (POST_SECONDS, END_SECONDS) if post else (FILE_SECONDS, FILE_SECONDS)
    try:
        async with transaction(session, end_seconds=end):
            if post and gate is not None:
                await gate(session)
            through = True
            await session.execute(sql("migration_limit"), str(round(limit * 1000)))
            await session.execute(_guarded(migration), timeout=limit + MARGIN_SECONDS)
            await record(session, migration.name, SUCCESS)
            await record_details(session, migration, time.monotonic() - started)
    except NOT_THE_FILE:
        raise
    except asyncpg.PostgresError as error:
        if not through:
            raise
        raise _Refused(error) from error
    _applied(migration, started)


async def _build_index(session: Connection, migration: Migration, before: Applied | None) -> None:
    started = time.monotonic()
    index, interrupted = str(migration.index), before is not None and before.status == RUNNING
    if interrupted:
        await clear_half(session, index)
    whole = await session.fetchval(sql("migration_index"), index)
    # Before its row said running there was none of this name, so a whole one is ours: only its record was lost.
    if not (interrupted and before and before.checksum == migration.checksum and whole):
        if whole is None:
            await record(session, migration.name, RUNNING)
            await record_details(session, migration, 0)
        try:
            await _concurrently(session, migration.text)
        except NOT_THE_FILE:
            raise
        except asyncpg.PostgresError as error:
            if whole is None:
                await clear_half(session, index)
            raise _Refused(error) from error
    await record_details(session, migration, time.monotonic() - started)
    await session.execute(sql("migration_finish"), migration.name)
    _applied(migration, started)


async def clear_half(session: Connection, index: str) -> bool:
    """Drop an index that was not built to its end; tell whether there was one."""
    if await session.fetchval(sql("migration_index"), index) is not False:
        return False
    await _concurrently(session, f"DROP INDEX CONCURRENTLY {index}")
    return True


async def _concurrently(session: Connection, statement: str) -> None:
    """Run it without a transaction; unlike a table's lock, its waits hold up nobody else."""
    await session.execute(sql("migration_patience"), "0", str(round(FILE_SECONDS * 1000)))
    try:
        await session.execute(statement, timeout=FILE_SECONDS + MARGIN_SECONDS)
    finally:
        if not session.is_closed():
            with anyio.move_on_after(END_SECONDS, shield=True):
                await session.execute(sql("migration_patience"), LOCK_TIMEOUT_MS, "0")


def _applied(migration: Migration, started: float) -> None:
    emit(events.MigrationApplied(version=migration.name, seconds=round(time.monotonic() - started, 3)))


def _guarded(migration: Migration) -> str:
    """Wrap the file so that the server itself refuses a BEGIN, COMMIT or ROLLBACK in it, before it has any effect."""
    outer, inner = f"$outer_{migration.checksum}$", f"$inner_{migration.checksum}$"
    return f"DO {outer} BEGIN EXECUTE {inner}{migration.text}{inner}; END {outer}"


async def _fail(session: Connection, migration: Migration, failure: asyncpg.PostgresError) -> None:
    emit(events.MigrationFailed(version=migration.name, error=failure))
    text = _described(migration, failure)
    await record(session, migration.name, "failed", text[:ERROR_CHARACTERS])
    hint = "nothing of it is in effect; correct the file or the data, then run 'vigil migrate apply'."
    if isinstance(failure, THERE_ALREADY):
        hint = "what it makes is there already: 'vigil migrate baseline' proves and records what is in effect."
    raise MigrationFailed(f"Applying {migration.name}: {text}", hint=hint) from failure


async def _fail_busy(session: Connection, migration: Migration, failure: asyncpg.PostgresError) -> None:
    emit(events.MigrationFailed(version=migration.name, error=failure))
    rows = await session.fetch(sql("migration_blockers"))
    oldest = ", ".join(f"{row['pid']} ({row['application_name'] or 'unnamed'}, {row['seconds']} s)" for row in rows)
    text = f"what it changes was in use at each of {BUSY_RETRIES + 1} attempts; the oldest transactions: {oldest or 'none'}"
    await record(session, migration.name, "failed", text)
    raise MigrationBusy(
        f"Applying {migration.name}: {text}.",
        hint="end the long transaction (SELECT pg_terminate_backend(PID)), then start again.",
    ) from failure


def _described(migration: Migration, failure: Exception) -> str:
    if isinstance(failure, asyncpg.FeatureNotSupportedError) and "transaction commands" in str(failure):
        return "the file begins or ends a transaction itself, which would tear it in two; remove BEGIN and COMMIT."
    position = getattr(failure, "internal_position", None)
    line = f" (line {migration.text[: int(position)].count(chr(10)) + 1})" if position else ""
    return f"{failure}{line}"
