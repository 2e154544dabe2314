"""The database: whether it answers, its migrations, the embedded server."""

from __future__ import annotations

from typing import Literal

from telemetry.events.base import Count, Event, Set, event


@event
class DatabaseUnreachable(Event):
    """The database does not answer yet; it is asked again."""

    name = "database.unreachable"
    message = "Database unreachable"
    level = "WARNING"
    metrics = (Set("supervisor_database_up", 0),)
    quiet_seconds = 30.0

    error: BaseException
    retry_seconds: float


@event
class DatabaseLost(Event):
    """The database answered before and does not any more."""

    name = "database.lost"
    message = "Database lost"
    level = "ERROR"
    traced = False
    metrics = (Count("supervisor_database_losses_total"), Set("supervisor_database_up", 0))

    error: BaseException


@event
class DatabaseRecovered(Event):
    """The database answers, for the first time or again."""

    name = "database.recovered"
    message = "Database answers"
    level = "INFO"
    metrics = (Set("supervisor_database_up", 1),)

    seconds: float


@event
class MigrationApplied(Event):
    """One migration file was applied and recorded."""

    name = "database.migration_applied"
    message = "Migration applied"
    level = "INFO"

    version: str
    seconds: float


@event
class MigrationBusy(Event):
    """What a migration file changes was in use; it stood back and is tried again."""

    name = "database.migration_busy"
    message = "Migration waits for a busy table"
    level = "WARNING"

    version: str
    attempt: int
    retry_seconds: float


@event
class MigrationFailed(Event):
    """One migration file failed and left nothing behind."""

    name = "database.migration_failed"
    message = "Migration failed"
    level = "ERROR"

    version: str
    error: BaseException


@event
class PostMigrationsLeft(Event):
    """A term began without its post migrations; the bot works on the schema that it has."""

    name = "database.post_migrations_left"
    message = "Post migrations not applied"
    level = "ERROR"

    versions: tuple[str, ...]
    error: BaseException


@event
class MigrationsCounted(Event):
    """How many migrations this build knows, by what the database says about them."""

    name = "database.migrations_counted"
    message = "Migrations counted"
    level = None
    metrics = (
        Set("supervisor_migrations", "applied", state="applied"),
        Set("supervisor_migrations", "pending", state="pending"),
        Set("supervisor_migrations", "failed", state="failed"),
        Set("supervisor_migrations", "drifted", state="drifted"),
    )

    applied: int
    pending: int
    failed: int
    drifted: int


@event
class EmbeddedStarted(Event):
    """The embedded PostgreSQL accepts connections."""

    name = "database.embedded_started"
    message = "Embedded PostgreSQL started"
    level = "INFO"

    pid: int
    version: str
    seconds: float


@event
class EmbeddedStopped(Event):
    """The embedded PostgreSQL has ended, as asked or not."""

    name = "database.embedded_stopped"
    message = "Embedded PostgreSQL stopped"
    level = "INFO"

    mode: Literal["smart", "fast", "immediate", "killed", "died"]
    seconds: float


@event
class SnapshotFailed(Event):
    """The totals for /metrics could not be read; their families disappear when the last ones are too old."""

    name = "database.snapshot_failed"
    message = "Snapshot for metrics failed"
    level = "WARNING"
    quiet_seconds = 60.0

    error: BaseException
