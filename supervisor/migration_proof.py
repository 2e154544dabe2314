"""Proves which migrations are in effect: tries the files out beside the live schema, and compares.

    BEGIN ─▶ an empty schema ─▶ each file in it; what it holds after each ─▶ what the live one holds ─▶ ROLLBACK

Invariants: nothing of the trial is kept; what the catalogue says of an object is compared, not its name alone. What
the database has beyond our files (an operator's index, the predecessor's tables) is no difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import asyncpg

from supervisor.database import LOST, Connection, transaction
from supervisor.errors import ConfigError
from supervisor.migration import Migration, Phase
from supervisor.sql import sql

SCRATCH = "vigil_rehearsal"
REHEARSAL_SECONDS = 60.0
SHOWN = 8
"""Differences that a message names."""

Objects = Mapping[tuple[str, str], str]
"""What a schema holds: (kind, name) → definition."""
Rows = Mapping[str, int]
"""How many rows a table has, counted up to a limit."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What a schema holds."""

    objects: Objects
    rows: Rows


EMPTY = Schema({}, {})


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The live schema, and what the files would make of an empty one, after each of them."""

    live: Schema
    after: tuple[Schema, ...]

    def differences(self, expected: Schema, absent: Iterable[tuple[str, str]] = ()) -> tuple[str, ...]:
        """Return what the live schema lacks or has otherwise, and what of `absent` it has."""
        objects = self.live.objects
        wrong = [
            f"{kind} {name} is {'another' if (kind, name) in objects else 'missing'}"
            for (kind, name), definition in sorted(expected.objects.items())
            if objects.get((kind, name)) != definition
        ]
        # A dump of the schema alone has the tables, and not what the files put into them.
        empty = [
            f"table {name} lacks the rows that its migration gave it"
            for name, count in sorted(expected.rows.items())
            if ("table", name) in objects and self.live.rows.get(name, 0) < count
        ]
        return (
            *wrong,
            *empty,
            *(f"{kind} {name} is there" for kind, name in sorted(absent) if (kind, name) in objects),
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """How far the files are in effect: exactly `proved`, or, when that is nothing, what speaks against each guess."""

    proved: tuple[Migration, ...]
    nearest: str
    differences: tuple[str, ...]


async def rehearse(connection: Connection, migrations: Sequence[Migration]) -> Rehearsal:
    """Try the files out in the given order."""
    after: list[Schema] = []
    live = EMPTY
    with suppress(_Undo):
        async with transaction(connection):
            current = await connection.fetchval(sql("schema_current"))
            await _empty_schema(connection)
            for migration in migrations:
                await _try_out(connection, migration)
                after.append(await _look(connection, SCRATCH))
            live = await _look(connection, current, {name for schema in after for name in schema.rows})
            raise _Undo
    return Rehearsal(live, tuple(after))


class _Undo(Exception):
    """Ends the trial: nothing of it is kept."""


async def prove(connection: Connection, migrations: Sequence[Migration], claimed: Collection[Migration] = ()) -> Proof:
    """Find out how many of the files, in order, the live schema has: all of their objects, and none of a later one's.

    Post files may be held back, so the pre files alone are a possible order too. A last file that only changes rows
    leaves nothing to be proved by: it counts only if the history has `claimed` it.
    """
    orders = {tuple(migrations), tuple(m for m in migrations if m.phase is Phase.PRE)}
    guesses: list[tuple[tuple[str, ...], int, tuple[Migration, ...]]] = []
    for order in orders:
        trial = await rehearse(connection, order)
        known = {key for schema in trial.after for key in schema.objects}
        for count, expected in enumerate((EMPTY, *trial.after)):
            wrong = trial.differences(expected, known - expected.objects.keys())
            guesses.append((wrong, count, order[:count]))
    wrong, _, proved = min(guesses, key=lambda guess: (len(guess[0]), len(set(claimed) - set(guess[2])), guess[1]))
    nearest = proved[-1].name if proved else "an empty schema"
    return Proof(() if wrong else proved, nearest, wrong)


def listed(differences: Sequence[str]) -> str:
    """Return the first differences as one line."""
    more = len(differences) - SHOWN
    return "; ".join(differences[:SHOWN]) + (f"; and {more} more" if more > 0 else "")


async def _empty_schema(connection: Connection) -> None:
    try:
        await connection.execute(sql("schema_rehearse"))
    except asyncpg.InsufficientPrivilegeError as refusal:
        raise ConfigError(
            f"Trying the migrations out beside the live schema: {refusal}.",
            hint="GRANT CREATE ON DATABASE … to this role for the while, or use the owner's address.",
        ) from refusal
    await connection.execute(sql("schema_enter"), SCRATCH)


async def _try_out(connection: Connection, migration: Migration) -> None:
    # On empty tables an index is built at once; concurrently is refused in a transaction.
    text = migration.text.replace("CONCURRENTLY", "") if migration.index else migration.text
    post = migration.phase is Phase.POST
    try:
        if post:
            await connection.execute(sql("schema_fence"))
        await connection.execute(text, timeout=REHEARSAL_SECONDS)
        if post:
            await connection.execute(sql("schema_unfence"))
    except LOST:
        raise
    except asyncpg.PostgresError as refusal:
        raise ConfigError(
            f"Trying {migration.name} out beside the live schema: {refusal}.",
            hint="a file must work on an empty schema of any name: does it name a schema?",
        ) from refusal


async def _look(connection: Connection, schema: str, counted: Collection[str] | None = None) -> Schema:
    """Read the schema; count the rows of the tables in `counted`, or of all: those that have any."""
    await connection.execute(sql("schema_enter"), schema)
    found = await connection.fetch(sql("schema_objects"), schema, timeout=REHEARSAL_SECONDS)
    counts = {
        row["name"]: await connection.fetchval(row["query"])
        for row in await connection.fetch(sql("schema_counts"), schema)
        if counted is None or row["name"] in counted
    }
    return Schema(
        {(row["kind"], row["name"]): row["definition"] for row in found},
        {name: count for name, count in counts.items() if count},
    )
