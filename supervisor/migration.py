"""Migrations as values: what a file is, what is still to be applied, and what is refused before anything runs."""

from __future__ import annotations

import enum
import hashlib
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from supervisor.errors import ConfigError

FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<phase>pre|post)_[a-z0-9_]+\.sql")
NO_TRANSACTION = re.compile(r"^--\s*migrate:\s*no-transaction", re.MULTILINE)
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
CONCURRENT_INDEX = re.compile(
    r"CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?P<index>[a-z_][a-z0-9_]*)\s+ON\s[^;]*;?", re.IGNORECASE
)
FUNCTION_BODY = re.compile(r"\bAS\s+(\$\w*\$).*?\1", re.IGNORECASE | re.DOTALL)
REMOVES = re.compile(
    r"\b(DROP\s+(?:TABLE|SCHEMA|SEQUENCE|COLUMN|OWNED)|(?<!OR )TRUNCATE|DELETE\s+FROM)\b", re.IGNORECASE
)
SUCCESS, BACKFILLED = "success", "backfilled"
RUNNING = "running"
SHOWN = 12
"""Digits of a checksum that tell two texts apart in a message."""


class Phase(enum.StrEnum):
    """When a file is safe."""

    PRE = "pre"
    """Under the old code too: any starting instance applies it."""
    POST = "post"
    """Only when no old code runs: the ACTIVE of the new version applies it."""


@dataclass(frozen=True, slots=True, order=True)
class Migration:
    """One file: its place in the order, and a text that does not depend on the checkout."""

    number: int
    phase: Phase
    name: str
    text: str

    @classmethod
    def parse(cls, file_name: str, raw: bytes) -> Migration:
        """Read a file; refuse a name without order and phase, a text that is not UTF-8, an unsupported marker."""
        matched = FILE_NAME.fullmatch(file_name)
        if matched is None:
            raise ConfigError(
                f"Reading the migrations: {file_name} is not named NNNN_pre_name.sql or NNNN_post_name.sql.",
                hint="rename the file: four digits, pre or post, then words in lower case.",
            )
        try:
            text = raw.decode("utf-8-sig").replace("\r\n", "\n").rstrip()
        except UnicodeDecodeError as broken:
            raise ConfigError(f"Reading the migrations: {file_name} is not UTF-8: {broken}") from broken
        migration = cls(int(matched["number"]), Phase(matched["phase"]), file_name.removesuffix(".sql"), text)
        if NO_TRANSACTION.search(text) and (migration.index is None or migration.phase is Phase.POST):
            raise ConfigError(
                f"Reading the migrations: {file_name} asks to run without a transaction, and is more than one index.",
                hint="such a file is a pre file with one CREATE INDEX CONCURRENTLY name ON …: of that, and of nothing "
                "else, the migrator can clear away a half.",
            )
        return migration

    @property
    def checksum(self) -> str:
        """The SHA-256 of the text; the same for CRLF and LF checkouts, with and without a byte order mark."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def index(self) -> str | None:
        """The index that a file without a transaction builds; None for a file that runs inside of one."""
        if NO_TRANSACTION.search(self.text) is None:
            return None
        matched = CONCURRENT_INDEX.fullmatch(COMMENT.sub("", self.text).strip())
        return matched["index"] if matched else None

    @property
    def removals(self) -> tuple[str, ...]:
        """What in it removes data when it is applied; not what a function does when it is called later."""
        read = FUNCTION_BODY.sub("", COMMENT.sub("", self.text))
        return tuple(" ".join(found.split()).upper() for found in REMOVES.findall(read))


@dataclass(frozen=True, slots=True)
class Applied:
    """One row of migration_history."""

    name: str
    status: str
    applied_at: datetime
    checksum: str | None
    attempts: int
    error: str | None

    @property
    def succeeded(self) -> bool:
        """Whether the migration is in effect."""
        return self.status in (SUCCESS, BACKFILLED)

    @property
    def place(self) -> tuple[int, Phase] | None:
        """Number and phase, read from the name; None for a name that is not of our form."""
        matched = FILE_NAME.fullmatch(f"{self.name}.sql")
        return (int(matched["number"]), Phase(matched["phase"])) if matched else None


class State(enum.StrEnum):
    """Where one migration stands."""

    APPLIED = "applied"
    PENDING = "pending"
    FAILED = "failed"
    RUNNING = "running"
    """An index is being built without a transaction, or its migrator was killed: then the next one clears it away."""
    EDITED = "edited"
    """The file is no longer the one that was applied."""
    UNKNOWN = "unknown"
    """Applied, and not among our files: the database is newer than this build."""


@dataclass(frozen=True, slots=True)
class Line:
    """One migration in a status report."""

    name: str
    phase: Phase | None
    state: State
    applied_at: datetime | None = None
    attempts: int = 0
    error: str | None = None

    @property
    def in_effect(self) -> bool:
        """Whether the database has it."""
        return self.state in (State.APPLIED, State.EDITED, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run will do."""

    pending: tuple[Migration, ...]
    """To be applied now, in order."""
    held_back: tuple[Migration, ...]
    """Post files that wait for the ACTIVE of this version."""
    unknown: tuple[str, ...]
    """Applied, and not among our files."""
    late: tuple[str, ...] = ()
    """Pending files that sort before one in effect; only with the operator's leave."""


def ordered(migrations: Iterable[Migration]) -> tuple[Migration, ...]:
    """Sort by number; refuse two files with one number."""
    result = tuple(sorted(migrations))
    for first, second in itertools.pairwise(result):
        if first.number == second.number:
            raise ConfigError(
                f"Reading the migrations: {first.name} and {second.name} have the same number.",
                hint="give the newer one the next free number.",
            )
    return result


def plan(
    migrations: Sequence[Migration], history: Iterable[Applied], *, include_post: bool, allow_late: bool = False
) -> Plan:
    """Decide what is to be applied now.

    Refuses a file that was edited after it was applied; unless `allow_late`, one that sorts before an applied one of
    its phase, which would run in another order here than on a new database; and everything when a newer build has
    removed what this one may need.
    """
    rows = {row.name: row for row in history if row.succeeded}
    for migration in migrations:
        _refuse_edited(migration, rows.get(migration.name))
    unknown = tuple(sorted(rows.keys() - {migration.name for migration in migrations}))
    _refuse_contracted([rows[name] for name in unknown])
    pending = tuple(migration for migration in migrations if migration.name not in rows)
    if (late := out_of_order(pending, rows.values())) and not allow_late:
        raise ConfigError(
            f"Planning the migrations: {', '.join(late)} would run after a newer file of its phase, which is in effect.",
            hint="give it the next free number; or, when the order does not matter: "
            "vigil migrate apply --allow-out-of-order",
        )
    now = tuple(m for m in pending if include_post or m.phase is Phase.PRE)
    return Plan(now, tuple(m for m in pending if m not in now), unknown, late)


def out_of_order(pending: Iterable[Migration], applied: Iterable[Applied]) -> tuple[str, ...]:
    """Return which pending files sort before one of their phase that is in effect, ours or a newer build's."""
    newest = dict.fromkeys(Phase, 0)
    for number, phase in filter(None, (row.place for row in applied)):
        newest[phase] = max(newest[phase], number)
    return tuple(migration.name for migration in pending if migration.number < newest[migration.phase])


def describe(migrations: Sequence[Migration], history: Iterable[Applied]) -> tuple[Line, ...]:
    """Return one line for each migration that our files or the database know, in order."""
    rows = {row.name: row for row in history}
    ours = [_line(migration, rows.get(migration.name)) for migration in migrations]
    names = {migration.name for migration in migrations}
    others = [
        Line(row.name, None, State.UNKNOWN if row.succeeded else State.FAILED, row.applied_at, row.attempts, row.error)
        for row in rows.values()
        if row.name not in names
    ]
    return tuple(sorted(ours + others, key=lambda line: line.name))


def _line(migration: Migration, row: Applied | None) -> Line:
    if row is None:
        return Line(migration.name, migration.phase, State.PENDING)
    state = State.RUNNING if row.status == RUNNING else State.FAILED
    if row.succeeded:
        state = State.APPLIED if row.checksum in (None, migration.checksum) else State.EDITED
    return Line(migration.name, migration.phase, state, row.applied_at, row.attempts, row.error)


def _refuse_edited(migration: Migration, row: Applied | None) -> None:
    if row is None or row.checksum in (None, migration.checksum):
        return
    raise ConfigError(
        f"Planning the migrations: {migration.name} was changed after it was applied at {row.applied_at:%F %T} "
        f"(applied {str(row.checksum)[:SHOWN]}, file {migration.checksum[:SHOWN]}).",
        hint="restore the file and put the change into a new one.",
    )


def _refuse_contracted(unknown: Iterable[Applied]) -> None:
    removed = [row.name for row in unknown if row.place and row.place[1] is Phase.POST]
    if removed:
        raise ConfigError(
            f"Planning the migrations: a newer build has applied {', '.join(removed)}, which this build does not know; "
            "what this one needs may be gone.",
            hint="run the newer build again; to go back, its release must first put back what it removed.",
        )
