"""The post migrations of a term: applied by an ACTIVE of the version that knows them, behind its fence.

They remove what no running code needs, so the workload neither waits for them nor stops with them: a file that cannot
be applied leaves the bot at work on the schema it has, the status degraded by this child, and is tried again.
"""

from __future__ import annotations

import asyncpg
from anyio import sleep_forever
from anyio.abc import TaskStatus

from supervisor.app.instance import Instance
from supervisor.child import ChildSpec, Intensity
from supervisor.database import Connection
from supervisor.errors import SupervisorError
from supervisor.fence import STALE, Fenced
from supervisor.migrator import apply_migrations_safe
from supervisor.sql import sql
from supervisor.term import Term
from telemetry import emit, events

NAME = "post-migrations"
LOCK_SECONDS = 5.0
START_SECONDS = 3600.0
"""To become ready: each file bounds itself, and what was cut short would begin anew."""
ONCE_IN_A_WHILE = Intensity(restarts=0, again_after=300.0)
"""A file that failed takes its locks again only after minutes."""


class PostLeft(SupervisorError):
    """Post migrations could not be applied; the bot works without them."""


class PostMigrations:
    """A child: woken by its start, stopped by cancellation or the end of its term."""

    def __init__(self, instance: Instance, term: Term) -> None:
        self._instance = instance
        self._term = term

    def spec(self) -> ChildSpec:
        """Return how it is to be run: on its own, and never in the way of the work."""
        return ChildSpec(
            NAME, self.serve, START_SECONDS, intensity=ONCE_IN_A_WHILE, essential=False, gate=self._instance.outage
        )

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Apply what was held back at the start, then rest."""
        instance = self._instance
        try:
            outcome = await apply_migrations_safe(
                instance.direct, include_post=True, before_post=self._fence, lock_seconds=LOCK_SECONDS
            )
        except (SupervisorError, asyncpg.PostgresError) as error:
            emit(events.PostMigrationsLeft(versions=instance.held_back, error=error))
            # Not the error itself: a migration that fails is fatal to a start, and here it is not.
            raise PostLeft(f"Applying the post migrations: {error}", hint="vigil migrate status") from error
        instance.held_back = outcome.held_back
        task_status.started()
        await sleep_forever()

    async def _fence(self, connection: Connection) -> None:
        term = self._term
        term.check_not_ended()
        try:
            await connection.execute(sql("lock_fence"), self._instance.lock_key, term.epoch, term.timeline)
        except asyncpg.PostgresError as error:
            if error.sqlstate != STALE:
                raise
            term.end("fenced")
            raise Fenced(term.epoch, str(error)) from error
