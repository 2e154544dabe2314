"""The workload of one term: the bot's children, then the inbox that feeds them.

Start order: telegram, (poller), outbox, generations, vitals, inbox. Reversed, the inbox drains first, and what its last
handlers queued can still be sent. Each builds on those before it, so they are stopped and started again with them.
On retention nothing builds: without it the bot goes on, and only the tables grow; nor on the vitals, without which
numbers grow old.
"""

from __future__ import annotations

from functools import partial

from anyio.abc import TaskStatus

from bot import catalogue, services
from bot.audit import Audit
from bot.errors import InvalidSetup
from bot.ports import Serve
from bot.sql import sql as bot_sql
from bot.telegram import Reach
from bot.webhook import Webhook
from supervisor.app.checkout import till
from supervisor.app.instance import Instance
from supervisor.app.post import PostMigrations
from supervisor.child import ChildSpec
from supervisor.database import Connection, Pool
from supervisor.errors import ConfigError
from supervisor.fence import FencedDatabase
from supervisor.inbox import replay, retention
from supervisor.inbox.claims import Claims, Row
from supervisor.inbox.retention import Keep, Retention
from supervisor.inbox.worker import Pace, Worker
from supervisor.inbox.writer import NotStored, Writer
from supervisor.sql import sql
from supervisor.term import Term

FINGERPRINT = "webhook_fingerprint"
NAMES = ("telegram", "poller", "outbox", "generations", "vitals", "inbox", "audit", "retention")
INESSENTIAL = frozenset({"vitals"})
"""What nothing builds on."""
MESSAGES_KEPT_SECONDS = 7 * retention.DAY
"""After they were sent; a message that somebody may still edit is kept for longer."""
OTHERS_CONNECTIONS = 4
"""Of the pool: for the worker's rounds, the outbox, the generations and the status page."""
START_SECONDS = 120.0
"""Telegram may be away for a while when a term starts; that is no reason to start anew."""


def workload(instance: Instance, database: FencedDatabase, term: Term, writer: Writer) -> list[ChildSpec]:
    """Return the children of one term in the order of their start."""
    grace = instance.drain_seconds
    bot = services.build(
        services.Surroundings(
            settings=instance.bot,
            database=database,
            term=term,
            inbox=writer,
            reach=_reach(instance),
            home=instance.settings.vigil_home,
            not_stored=(NotStored,),
            till=till(lambda: instance.pool),
            quarantine=term.quarantine(),
            grace=grace,
        ),
        instance.models,
    )
    inbox = Worker(
        database,
        Claims(term.epoch),
        partial(_handle, bot),
        writer.stored,
        hopeless=(*bot.hopeless, replay.Unusable),
        committed=bot.committed,
        handed_back=instance.note_handed_back,
        grace=grace,
        pace=Pace(transactions=max(1, instance.settings.db_maxconn - OTHERS_CONNECTIONS)),
    )
    stop = instance.settings.shutdown_grace
    children = {name: _mapped(serve) for name, serve in bot.children.items()} | {"inbox": inbox.serve}
    specs = [
        ChildSpec(
            name, serve, START_SECONDS, stop_timeout=stop, gate=instance.outage, essential=name not in INESSENTIAL
        )
        for name, serve in children.items()
    ]
    specs += [_audit(instance, database), _retention(instance, database)]
    return [PostMigrations(instance, term).spec(), *specs] if instance.held_back else specs


async def _handle(bot: services.Services, row: Row, connection: Connection) -> None:
    """Handle one row: the operator's orders are the kernel's, everything else is the bot's."""
    if row.source == replay.SOURCE:
        await replay.take(row, connection)
    else:
        await bot.handle(row, connection)


def _audit(instance: Instance, database: FencedDatabase) -> ChildSpec:
    """Return the child that looks at the ledger once an hour; its failure ends nothing."""
    return ChildSpec("audit", Audit(database).serve, essential=False, gate=instance.outage)


def keeps() -> tuple[Keep, ...]:
    """Return what is removed when; the last two empty rows, whatever their age, of those who asked to be forgotten."""
    return (
        *retention.of_inbox(),
        Keep("outbox", bot_sql("outbox_forget"), MESSAGES_KEPT_SECONDS),
        Keep("erased_messages", bot_sql("erasure_outbox"), 0.0),
        Keep("erased_arrivals", bot_sql("erasure_inbox"), 0.0),
    )


def _retention(instance: Instance, database: FencedDatabase) -> ChildSpec:
    """Return the child that removes what nobody needs any more; its failure ends nothing."""
    return ChildSpec("retention", Retention(database, keeps()).serve, essential=False, gate=instance.outage)


def load_models() -> catalogue.Catalogue:
    """Return the catalogue this build sells from."""
    return catalogue.load()


def _reach(instance: Instance) -> Reach:
    """Return how updates reach this bot: its webhook, or polling."""
    bot, secrets = instance.bot, instance.webhook_secrets
    pool = instance.need_pool()
    webhook = None
    if bot.mode == "webhook" and bot.webhook_base_url is not None and secrets is not None:
        base = str(bot.webhook_base_url).rstrip("/")
        webhook = Webhook(f"{base}/webhook/{secrets.path}", secrets.token)
    return Reach(webhook, partial(_remembered, pool), partial(_remember, pool))


async def _remembered(pool: Pool) -> str | None:
    found: str | None = await pool.fetchval(sql("setting_get"), FINGERPRINT)
    return found


async def _remember(pool: Pool, fingerprint: str) -> None:
    await pool.execute(sql("setting_put"), FINGERPRINT, fingerprint)


def _mapped(serve: Serve) -> Serve:
    """Say in the kernel's words that a setting of the bot is wrong: a restart cannot help."""

    async def mapped(*, task_status: TaskStatus[None]) -> None:
        try:
            await serve(task_status=task_status)
        except InvalidSetup as error:
            raise ConfigError(str(error), hint=getattr(error, "hint", None)) from error

    return mapped
