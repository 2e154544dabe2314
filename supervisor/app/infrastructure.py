"""The infrastructure's children: started first, stopped last, alive through a drain."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import partial

import anyio
from anyio.abc import TaskStatus

from bot import pricing
from supervisor import database
from supervisor.app import operations
from supervisor.app.instance import Instance
from supervisor.app.readiness import Readiness
from supervisor.app.role import RoleLoop
from supervisor.app.webhook import WebhookSecrets
from supervisor.child import ChildSpec
from supervisor.control import Control, RunFolder
from supervisor.database import connected, wait_until_reachable
from supervisor.embedded import Embedded
from supervisor.errors import ConfigError
from supervisor.http import HttpServer
from supervisor.inbox.writer import Writer
from supervisor.keeper import Keeper
from supervisor.migrator import apply_migrations_safe, check_migrations_status
from supervisor.outage import Outage, ask
from supervisor.sql import sql
from supervisor.totals import Totals
from supervisor.view import LockView
from telemetry import redact

DATABASE_SECONDS = 3600.0
"""To become ready. What is bounded in it bounds itself; a long migration that is cut short would begin anew for ever."""
MIGRATOR_SECONDS = 1200.0
"""To wait for another instance that migrates: a long file of its is no reason for this one to end and start anew."""
LEADING = "vigil handover gives leadership away; vigil drain stops the instance."
LENT = "the bot's work holds its connections; vigil drain stops the instance."


def children(instance: Instance, servers: Sequence[tuple[str, HttpServer]]) -> list[ChildSpec]:
    """Return the infrastructure's children in the order of their start."""
    specs = [ChildSpec(name, server.serve) for name, server in servers]
    specs.append(ChildSpec("pulse", instance.pulse.serve))
    control = Control(RunFolder(instance.settings.vigil_home), instance.instance_id, operations.verbs(instance))
    specs.append(ChildSpec("control", control.serve, essential=False, pinned=operations.PINNED))
    direct = instance.settings.direct_url
    if direct is None:
        embedded = Embedded(instance.settings.vigil_home)
        direct = embedded.url
        specs.append(ChildSpec("postgresql", embedded.serve, start_timeout=310, stop_timeout=20))
    writer = Writer(lambda: direct)
    keeper = Keeper(
        url=lambda: direct,
        lock_key=instance.lock_key,
        instance_id=instance.instance_id,
        timing=instance.timing,
        last_tick=instance.pulse.ticked_at,
        guard=instance.guard,
    )
    credit_usd = float(instance.bot.price_multiplier) * pricing.MICRO_DOLLARS_PER_CREDIT / 1e6
    instance.totals = Totals(instance.need_pool, instance.lock_key, lambda: _lease(keeper.view), credit_usd=credit_usd)
    instance.writer, instance.keeper = writer, keeper
    pooled = instance.settings.database_url
    addresses = (direct, pooled.get_secret_value()) if pooled else (direct,)
    gate = instance.outage = Outage(partial(ask, tuple(dict.fromkeys(addresses))))
    role, readiness = RoleLoop(instance, keeper, writer), Readiness(instance, gate)
    prepare = Database(instance, direct).serve
    grace = instance.settings.shutdown_grace
    return [
        *specs,
        ChildSpec("database", prepare, start_timeout=DATABASE_SECONDS, gate=gate, pinned=LENT),
        ChildSpec("inbox-writer", writer.serve, gate=gate),
        ChildSpec("totals", instance.totals.serve, gate=gate, essential=False),
        ChildSpec("readiness", readiness.serve, gate=gate, essential=False),
        ChildSpec("keeper", keeper.serve, gate=gate, pinned=LEADING),
        ChildSpec("role", role.serve, stop_timeout=grace, gate=gate, pinned=LEADING),
    ]


def _lease(view: LockView) -> tuple[int | None, str | None]:
    """What of the view is in the database too: another one means that the totals have changed."""
    return view.epoch, view.holder


class Database:
    """A child that makes the database usable and holds the workload's pool: reached, migrated, ours."""

    def __init__(self, instance: Instance, direct: str) -> None:
        self._instance = instance
        self._direct = direct

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Prepare the database, lend the pool until cancelled."""
        instance, direct = self._instance, self._direct
        pooled = instance.settings.database_url
        url = pooled.get_secret_value() if pooled else direct
        for address in dict.fromkeys((direct, url)):
            await wait_until_reachable(address)
        instance.held_back = (await apply_migrations_safe(direct, lock_seconds=MIGRATOR_SECONDS)).held_back
        instance.direct = direct
        try:
            async with connected(direct, application_name="vigil setup") as connection:
                instance.migrations = await check_migrations_status(connection)
                await self._refuse_another_bot(connection)
                instance.webhook_secrets = await self._webhook_secrets(connection)
        except database.REFUSED as refusal:
            raise database.refused("Preparing", direct, refusal) from refusal
        async with database.pool(url, size=instance.settings.db_maxconn) as pool:
            instance.pool = pool
            try:
                task_status.started()
                await anyio.sleep_forever()
            finally:
                instance.pool = None

    async def _refuse_another_bot(self, connection: database.Connection) -> None:
        ours = str(self._instance.bot.bot_id)
        found = await connection.fetchval(sql("setting_generate"), "bot_id", ours)
        if found != ours:
            raise ConfigError(
                f"This database belongs to bot {found}, TELEGRAM_BOT_TOKEN is bot {ours}'s.",
                hint="give each bot, the sandbox's too, a database of its own: DATABASE_URL, or another VIGIL_HOME",
            )

    async def _webhook_secrets(self, connection: database.Connection) -> WebhookSecrets:
        bot = self._instance.bot
        path, token = [
            given.get_secret_value() if given else await connection.fetchval(sql("setting_generate"), name, generated)
            for name, given, generated in (
                ("webhook_secret_path", bot.webhook_secret_path, secrets.token_urlsafe(32)),
                ("webhook_secret_token", bot.webhook_secret_token, secrets.token_urlsafe(48)),
            )
        ]
        for secret in (path, token):
            redact.register_secret(secret)
        return WebhookSecrets(path, token)
