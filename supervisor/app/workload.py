"""The workload of one term: the bot's children, then the inbox that feeds them.

Start order: telegram, (poller), outbox, generations, inbox. Reversed, the inbox drains first, and what its last
handlers queued can still be sent. Each builds on those before it, so they are stopped and started again with them.
"""

from __future__ import annotations

from functools import partial

from anyio.abc import TaskStatus

from bot import catalogue, services
from bot.errors import InvalidSetup
from bot.ports import Serve
from bot.telegram import Reach
from bot.webhook import Webhook
from supervisor.app.instance import Instance
from supervisor.app.post import PostMigrations
from supervisor.child import ChildSpec
from supervisor.database import Pool
from supervisor.errors import ConfigError
from supervisor.fence import FencedDatabase
from supervisor.inbox.claims import Claims
from supervisor.inbox.worker import Worker
from supervisor.inbox.writer import NotStored, Writer
from supervisor.sql import sql
from supervisor.term import Term

FINGERPRINT = "webhook_fingerprint"
NAMES = ("telegram", "poller", "outbox", "generations", "inbox")
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
            quarantine=term.quarantine(),
            grace=grace,
        ),
        instance.models,
    )
    inbox = Worker(
        database,
        Claims(term.epoch),
        bot.handle,
        writer.stored,
        hopeless=bot.hopeless,
        committed=bot.committed,
        handed_back=instance.note_handed_back,
        grace=grace,
    )
    stop = instance.settings.shutdown_grace
    children = {name: _mapped(serve) for name, serve in bot.children.items()} | {"inbox": inbox.serve}
    specs = [
        ChildSpec(name, serve, START_SECONDS, stop_timeout=stop, gate=instance.outage)
        for name, serve in children.items()
    ]
    return [PostMigrations(instance, term).spec(), *specs] if instance.held_back else specs


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
