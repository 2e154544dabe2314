"""Applies migrations: one migrator at a time, every outcome recorded.

    wait for the lock (polled) ─▶ history there? ─▶ plan ─▶ each pending file in its own transaction

*Pre* files expand the schema and are safe under the code that is running: any starting instance applies them. *Post*
files remove what no running code needs: only an ACTIVE applies them, behind the fence of its term.

Invariants: two migrators never run at once; nothing is planned that would run in another order than on a new database.
`supervisor.migration_step` holds what happens to one file.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import anyio

from supervisor.database import LOST, Connection
from supervisor.migration import Line, Migration, Phase, Plan, State, describe, ordered, plan
from supervisor.migration_session import (
    LOCK_KEY,
    LOCK_SECONDS,
    get_applied_migrations,
    migrating,
    ready_history,
    session,
)
from supervisor.migration_step import FILE_SECONDS, Gate, MigrationBusy, MigrationFailed, apply_file
from telemetry import emit, events

__all__ = [
    "FILE_SECONDS",
    "LOCK_KEY",
    "LOCK_SECONDS",
    "MigrationBusy",
    "MigrationFailed",
    "apply_migrations_safe",
    "check_migrations_status",
    "get_applied_migrations",
    "load_migrations",
    "migration_plan",
    "migration_status",
]

COUNT_SECONDS = 2.0


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


async def check_migrations_status(
    connection: Connection,
    migrations: Sequence[Migration] | None = None,
) -> tuple[bool, int]:
    """Tell whether every pre file of this build is in effect unedited, and how many files are in effect."""
    status = await _status(connection, load_migrations() if migrations is None else migrations)
    return status.ok, status.count


async def migration_status(url: str, migrations: Sequence[Migration] | None = None) -> Status:
    """Return the state of every migration, of this build and of the database; changes nothing."""
    async with session(url) as connection:
        return await _status(connection, load_migrations() if migrations is None else migrations)


async def migration_plan(url: str, migrations: Sequence[Migration] | None = None) -> tuple[Plan, Status]:
    """Return what the next run would do, late files included, and where everything stands; changes nothing."""
    wanted = load_migrations() if migrations is None else migrations
    async with session(url) as connection:
        steps = plan(wanted, await get_applied_migrations(connection), include_post=False, allow_late=True)
        return steps, await _status(connection, wanted)


async def _status(connection: Connection, migrations: Sequence[Migration]) -> Status:
    lines = describe(migrations, await get_applied_migrations(connection))
    ok = all(line.state is State.APPLIED for line in lines if line.phase is Phase.PRE)
    return Status(ok, sum(line.in_effect for line in lines), lines)


async def apply_migrations_safe(
    url: str,
    migrations: Sequence[Migration] | None = None,
    *,
    include_post: bool = False,
    before_post: Gate | None = None,
    allow_late: bool = False,
    lock_seconds: float = LOCK_SECONDS,
    rng: random.Random | None = None,
) -> Outcome:
    """Apply what is pending; safe in any number of processes at once, and again after a crash."""
    wanted = load_migrations() if migrations is None else migrations
    jitter = rng or random.Random()  # noqa: S311 - jitter, not a secret
    async with migrating(url, lock_seconds=lock_seconds) as connection:
        await ready_history(connection)
        history = await get_applied_migrations(connection)
        steps = plan(wanted, history, include_post=include_post, allow_late=allow_late)
        rows = {row.name: row for row in history}
        try:
            for migration in steps.pending:
                await apply_file(connection, migration, rows.get(migration.name), before_post, jitter)
        finally:
            await _count(connection, wanted)
    return Outcome(_names(steps.pending), _names(steps.held_back), steps.unknown)


def _names(migrations: Sequence[Migration]) -> tuple[str, ...]:
    return tuple(migration.name for migration in migrations)


async def _count(connection: Connection, migrations: Sequence[Migration]) -> None:
    """Publish how many migrations are in which state, if the session still lives."""
    if connection.is_closed():
        return
    with anyio.move_on_after(COUNT_SECONDS, shield=True), suppress(*LOST):
        lines = (await _status(connection, migrations)).lines
        # What another build failed at is its own business; ours would report it for ever.
        states = Counter(line.state for line in lines if line.phase or line.in_effect)
        emit(
            events.MigrationsCounted(
                applied=states[State.APPLIED] + states[State.UNKNOWN],
                pending=states[State.PENDING] + states[State.RUNNING],
                failed=states[State.FAILED],
                drifted=states[State.EDITED],
            )
        )
