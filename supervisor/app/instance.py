"""One running instance: what its children acquire for each other, and what it knows of itself."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import asyncpg

from bot.catalogue import Catalogue
from bot.settings import BotSettings
from supervisor import __version__
from supervisor.app.webhook import WebhookSecrets
from supervisor.clock import boottime
from supervisor.database import LOST, Pool
from supervisor.errors import ExitCode, Fatal
from supervisor.health import ChildHealth, Status
from supervisor.leading import UNGUARDED, Guard
from supervisor.sdnotify import Notifier
from supervisor.settings import Settings
from supervisor.shutdown import HURRIED_CANCEL
from supervisor.signals import Ladder
from supervisor.sql import sql
from supervisor.stall import Pulse, fence_after
from supervisor.timing import Timing
from supervisor.tree import Tree
from supervisor.view import UNUSABLE

if TYPE_CHECKING:
    from supervisor.inbox.writer import Writer
    from supervisor.keeper import Keeper
    from supervisor.outage import Outage
    from supervisor.totals import Totals

READY_CHECK_SECONDS = 1.0


@dataclass
class Instance:
    """The state of one process; children fill in what they acquired, and clear it when they end."""

    settings: Settings
    bot: BotSettings
    timing: Timing
    lock_key: int
    models: Catalogue
    ladder: Ladder
    sandbox: bool = False
    guard: Guard = UNGUARDED
    instance_id: str = ""
    started_at: float = field(default_factory=boottime)
    notifier: Notifier = field(default_factory=Notifier)
    pulse: Pulse = field(init=False)
    failure: Fatal | None = None
    drain_until: float | None = None
    handed_back: int = 0
    handed_back_lanes: int = 0
    pool: Pool | None = None
    writer: Writer | None = None
    keeper: Keeper | None = None
    outage: Outage | None = None
    totals: Totals | None = None
    webhook_secrets: WebhookSecrets | None = None
    migrations: tuple[bool, int] = (False, 0)
    held_back: tuple[str, ...] = ()
    direct: str = ""
    led: anyio.Event = field(default_factory=anyio.Event)
    infrastructure: Tree | None = None
    workload: Tree | None = None

    def __post_init__(self) -> None:
        if not self.instance_id:
            self.instance_id = f"{self.settings.instance_name}-{secrets.token_hex(4)}"
        self.pulse = Pulse(fence_after(self.timing), at_work=self.at_work, on_tick=self._ticked)

    @property
    def draining(self) -> bool:
        """Whether this instance has been asked to stop."""
        return self.ladder.drain.is_set()

    def at_work(self) -> bool:
        """Whether work of a term is under way; takes no lock, so that the stall watch can ask at any moment."""
        return self.workload is not None

    def _ticked(self, now: float) -> None:
        view = self.keeper.view if self.keeper else None
        state = "STARTING" if view is None else f"{view.state}, epoch {view.epoch}" if view.epoch else view.state
        self.notifier.tick(now, f"{state}, stopping" if self.draining else state)

    def uptime(self) -> float:
        """Return how long this instance has lived, in seconds."""
        return round(boottime() - self.started_at, 1)

    def fail(self, failure: Fatal) -> None:
        """Drain and end with the failure's exit code; the first failure decides."""
        if self.failure is None:
            self.failure = failure
        self.ladder.request_drain(type(failure).__name__)

    def drain_seconds(self) -> float:
        """Return the seconds that work under way still has: the drain's, or almost none once the term is lost."""
        if self.ladder.hurry.is_set() or self.drain_until is None:
            return HURRIED_CANCEL / 2
        return max(0.0, self.drain_until - boottime())

    def note_handed_back(self, rows: int, lanes: int) -> None:
        """Keep how many rows, of how many lanes, the inbox's worker has made ready again at its last end."""
        self.handed_back, self.handed_back_lanes = rows, lanes

    def exit_code(self) -> ExitCode:
        """Return what the process ends with after a clean stop."""
        return ExitCode.OK if self.failure is None else self.failure.exit_code

    def need_pool(self) -> Pool:
        """Return the pool; children that are started after the database may rely on it."""
        if self.pool is None:
            raise ConnectionError("the database is not connected")
        return self.pool

    async def not_ready(self) -> tuple[str, ...]:
        """Return every reason why an update cannot be accepted now; empty when it can."""
        if self.draining:
            return ("draining",)
        reasons = []
        if not self.migrations[0]:
            reasons.append("migrations are not applied")
        if self.keeper is not None and self.keeper.view.reason in UNUSABLE:
            reasons.append(f"this instance could never lead: {self.keeper.view.reason}")
        if self.writer is None or not self.writer.connected:
            reasons.append("the inbox is not connected")
        if self.pool is None:
            return (*reasons, "the database is not connected")
        try:
            with anyio.fail_after(READY_CHECK_SECONDS):
                missing = await self.pool.fetch(sql("ready_check"))
        except (*LOST, asyncpg.PostgresError) as error:
            return (*reasons, f"the database does not answer: {type(error).__name__}")
        return (*reasons, *(f"missing or not permitted: {row['missing']}" for row in missing))

    async def status(self) -> Status:
        """Describe this instance now."""
        view, now = self.keeper.view if self.keeper else None, boottime()
        age = view.heartbeat_age(now) if view else None
        # A countdown beside a healthy holder would look like an announcement: it is shown once the holder is late.
        is_late = age is None or age > self.timing.renew + self.timing.timeout
        return Status(
            version=__version__,
            instance_id=self.instance_id,
            uptime_seconds=self.uptime(),
            role=view.role if view else "PASSIVE",
            lock_state=view.state if view else "STARTING",
            epoch=view.epoch if view else None,
            holder=view.holder if view else None,
            heartbeat_age_seconds=age,
            takeover_in_seconds=view.takeover_in(now) if view and is_late else None,
            draining=self.draining,
            migrations_count=self.migrations[1],
            migrations_applied=self.migrations[0],
            not_ready=await self.not_ready(),
            children=(*_children(self.infrastructure), *_children(self.workload)),
            inbox=self.totals.inbox() if self.totals else {},
            models=self.totals.models() if self.totals else (),
            loop_lag_seconds=round(self.pulse.worst_lag, 4),
            mode="sandbox" if self.sandbox else self.bot.mode,
        )


def _children(tree: Tree | None) -> tuple[ChildHealth, ...]:
    if tree is None:
        return ()
    return tuple(ChildHealth(name, c.state.value, c.restarts, c.last_error) for name, c in tree.children.items())
