"""Compares the history with the database, and makes it true again: verify, baseline, repair.

Invariants: what is written into the history was proved first, by `supervisor.migration_proof`; only rows of the
history change, and the half of an index that a killed migrator left. Tables and their rows are never touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from supervisor.database import Connection, transaction
from supervisor.errors import ConfigError
from supervisor.migration import BACKFILLED, RUNNING, Applied, Migration, Phase, ordered, out_of_order
from supervisor.migration_proof import listed, prove, rehearse
from supervisor.migration_session import get_applied_migrations, migrating, ready_history, record, record_details
from supervisor.migration_step import clear_half
from supervisor.migrator import load_migrations
from supervisor.sql import sql

INTERRUPTED = "interrupted; what it left was cleared away by 'vigil migrate repair'"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be, or one that was put right: which migration, and what."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair changed in the history, and what it had to leave."""

    changed: tuple[Finding, ...]
    left: tuple[Finding, ...]


async def verify_migrations(url: str, migrations: Sequence[Migration] | None = None) -> tuple[Finding, ...]:
    """Return everything that contradicts the files: texts, order, states, functions, objects; changes nothing."""
    wanted = load_migrations() if migrations is None else migrations
    async with migrating(url) as connection:
        rows = await _rows(connection)
        found = [*_about_rows(wanted, rows)]
        if rows and not await connection.fetchval(sql("migration_ready")):
            found.append(Finding("migration_history", "lacks a column or a function; the next apply adds them"))
        here = [migration for migration in wanted if _in_effect(rows, migration.name)]
        found += [Finding("schema", difference) for difference in await _differences(connection, here)]
        if not here and (proved := (await prove(connection, wanted)).proved):
            text = f"is empty, though the schema has all up to {proved[-1].name}; 'vigil migrate baseline' records it"
            found.append(Finding("migration_history", text))
    return tuple(found)


async def baseline_migrations(url: str, migrations: Sequence[Migration] | None = None) -> tuple[str, ...]:
    """Record what is in effect already, though the history does not say so; return the names.

    Raises ConfigError when the schema is not exactly what some first files make: then nothing is recorded.
    """
    wanted = load_migrations() if migrations is None else migrations
    async with migrating(url) as connection:
        rows = await _rows(connection)
        here = [m for m in wanted if _in_effect(rows, m.name)]
        proof = await prove(connection, wanted, here)
        claimed = [m.name for m in here if m not in proof.proved]
        if proof.differences or claimed:
            against = listed(proof.differences) or f"the history has {', '.join(claimed)} in effect, the schema has not"
            raise ConfigError(
                f"Recording what is in effect: the schema is not what our migrations make; nearest is {proof.nearest}, "
                f"but {against}.",
                hint="another program's tables? Give Vigil an empty database (or schema) of its own in DATABASE_URL.",
            )
        missing = [m for m in proof.proved if not _in_effect(rows, m.name) or rows[m.name].checksum is None]
        if missing:
            await ready_history(connection)
            async with transaction(connection):
                for migration in missing:
                    await record(connection, migration.name, BACKFILLED)
                    await record_details(connection, migration, 0)
    return tuple(migration.name for migration in missing)


async def repair_migrations(url: str, migrations: Sequence[Migration] | None = None) -> Repaired:
    """Put the history right: clear away what a killed migrator left, take over texts that prove to be in effect."""
    wanted = load_migrations() if migrations is None else migrations
    changed: list[Finding] = []
    async with migrating(url) as connection:
        rows = await _rows(connection)
        if rows:
            await ready_history(connection)
        for migration in wanted:
            if migration.name in rows and rows[migration.name].status == RUNNING and migration.index:
                await clear_half(connection, migration.index)
                await record(connection, migration.name, "failed", INTERRUPTED)
                changed.append(Finding(migration.name, "was interrupted; the next apply builds it anew"))
        here = [migration for migration in wanted if _in_effect(rows, migration.name)]
        other = [migration for migration in here if rows[migration.name].checksum != migration.checksum]
        differences = await _differences(connection, here) if other else ()
        if other and not differences:
            for migration in other:
                await connection.execute(sql("migration_checksum"), migration.name, migration.checksum)
                changed.append(Finding(migration.name, "its present text is proved to be in effect and recorded"))
    left = [Finding(migration.name, f"its text is not in effect: {listed(differences)}") for migration in other]
    return Repaired(tuple(changed), tuple(left) if differences else ())


async def _rows(connection: Connection) -> dict[str, Applied]:
    return {row.name: row for row in await get_applied_migrations(connection)}


def _in_effect(rows: Mapping[str, Applied], name: str) -> bool:
    return name in rows and rows[name].succeeded


async def _differences(connection: Connection, migrations: Sequence[Migration]) -> tuple[str, ...]:
    if not migrations:
        return ()
    trial = await rehearse(connection, ordered(migrations))
    return trial.differences(trial.after[-1])


def _about_rows(migrations: Sequence[Migration], rows: Mapping[str, Applied]) -> list[Finding]:
    found = []
    for migration in migrations:
        row = rows.get(migration.name)
        if row is None:
            continue
        if not row.succeeded:
            text = f"{row.status} after {row.attempts} attempts: {row.error or 'interrupted'}"
            found.append(Finding(migration.name, text))
        elif row.checksum is None:
            found.append(
                Finding(migration.name, "recorded without its text; 'vigil migrate repair' proves and adds it")
            )
        elif row.checksum != migration.checksum:
            found.append(
                Finding(migration.name, f"the file was changed after it was applied at {row.applied_at:%F %T}")
            )
    pending = [migration for migration in migrations if not _in_effect(rows, migration.name)]
    late = out_of_order(pending, (row for row in rows.values() if row.succeeded))
    found += [Finding(name, "pending, though a newer file of its phase is in effect") for name in late]
    ours = {migration.name for migration in migrations}
    found += [
        Finding(row.name, "a newer build removed something that this one may need")
        for row in rows.values()
        if row.succeeded and row.name not in ours and row.place and row.place[1] is Phase.POST
    ]
    return found
