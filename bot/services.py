"""The workload's part that is the bot: its children in the order of their start, and the handling of inbox rows.

inbox row ── telegram ──▶ handlers ──┐                     ┌──▶ outbox ──▶ Telegram
          ── kie ───────▶ a hint ────┴─ rows, committed ───┴──▶ generations ──▶ the provider
                                             │ committed() wakes both
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from bot import handlers
from bot.catalogue import Catalogue
from bot.errors import Unreadable
from bot.generation import callback
from bot.generation.bell import Bell
from bot.generation.delivery import Delivery
from bot.generation.means import Means
from bot.generation.results import Results
from bot.generation.userfiles import UserFiles
from bot.generation.worker import Generations
from bot.limits import Limits
from bot.outbox import TELEGRAM, Outbox
from bot.poller import Poller
from bot.ports import Connection, Database, Inbox, Serve, Term
from bot.providers import kie
from bot.providers.call import Line
from bot.providers.kie import KieAccount
from bot.providers.uploads import Uploads
from bot.settings import BotSettings
from bot.telegram import Reach, Telegram
from bot.till import Till
from bot.updates import Updates
from bot.vitals import Vitals
from bot.watch import Watch
from telemetry import emit, events

RESULTS_FOLDER = "results"
FILES_FOLDER = "files"
CALLBACKS = "callbacks/kie"


class Row(Protocol):
    """The part of an inbox row that handling needs."""

    @property
    def source(self) -> str:
        """Who sent it."""
        ...

    @property
    def body(self) -> bytes:
        """The bytes as they arrived."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the composition root hands to the bot for one term.

    `quarantine`, `grace` and `limits` are the outbox's; `not_stored` is how `inbox` says that it cannot store now.
    """

    settings: BotSettings
    database: Database
    term: Term
    inbox: Inbox
    reach: Reach
    home: Path
    not_stored: tuple[type[Exception], ...]
    till: Till
    quarantine: float = 0.0
    grace: Callable[[], float] = lambda: 2.0
    luck: Callable[[], float] = random.random
    limits: Limits = TELEGRAM


@dataclass(frozen=True, slots=True)
class Services:
    """The bot of one term: `children` by name in the order of their start, `handle` for each claimed row.

    `committed` is to be called after every commit of a handled row. `hopeless` are the exceptions of `handle` after
    which another try cannot help.
    """

    children: Mapping[str, Serve]
    telegram: Telegram
    committed: Callable[[], None]
    models: Catalogue
    hopeless: tuple[type[Exception], ...] = (Unreadable,)

    async def handle(self, row: Row, connection: Connection) -> None:
        """Handle one row in the fenced transaction of `connection`; raise when it failed."""
        match row.source:
            case "telegram":
                await self.telegram.handle(row, connection)
            case "kie":
                applied = await callback.take(connection, row.body, self.models)
                emit(events.CallbackTaken(outcome="applied" if applied else "late"))
            case source:
                raise Unreadable(
                    f"Handling a row of {source}: this build has nothing for it; it is kept as a dead letter."
                )


def build(given: Surroundings, models: Catalogue) -> Services:
    """Return the bot of one term; nothing is started, nothing is connected."""
    settings, bell, vitals = given.settings, Bell(), Vitals()
    results = Results(given.home / RESULTS_FOLDER, str(settings.kie_api_url))
    delivery = Delivery(given.database, results)
    telegram = Telegram(
        settings,
        given.reach,
        partial(handlers.register, catalogue=models, vitals=vitals),
        commands=handlers.COMMANDS,
        trusted=given.term.trusted,
    )
    outbox = Outbox(
        given.database,
        given.term,
        telegram.bot,
        bell.listen(),
        delivery.media,
        delivery.settled,
        given.database.lost,
        quarantine=given.quarantine,
        grace=given.grace,
        limits=given.limits,
    )
    files = UserFiles(given.home / FILES_FOLDER, telegram.bot, str(settings.telegram_api_url))
    generations = Generations(partial(_means, given, models, results, files, vitals), bell.listen())
    children: dict[str, Serve] = {"telegram": telegram.serve}
    if settings.mode == "polling":
        children["poller"] = Poller(
            Updates(settings),
            given.inbox,
            given.term,
            not_stored=given.not_stored,
            reconcile=telegram.reconcile,
            answer=partial(given.till.call, telegram.bot),
        ).serve
    children |= {"outbox": outbox.serve, "generations": generations.serve}
    children["vitals"] = Watch(given.database, given.term, vitals, partial(_account, settings), given.luck).serve
    return Services(children, telegram, bell.ring, models)


@asynccontextmanager
async def _means(
    given: Surroundings, models: Catalogue, results: Results, files: UserFiles, vitals: Vitals
) -> AsyncIterator[Means]:
    url, key = str(given.settings.kie_api_url).rstrip("/"), given.settings.kie_api_key
    async with (
        kie.client(url, key) as http,
        kie.client(kie.upload_url(url), key) as uploads,
        results.connected(),
        files.connected(),
    ):
        yield Means(
            database=given.database,
            term=given.term,
            catalogue=models,
            providers=kie.families(http),
            uploader=Uploads(Line(uploads)),
            results=results,
            files=files,
            luck=given.luck,
            callback_url=partial(_callback_url, given.settings),
            vitals=vitals,
        )


@asynccontextmanager
async def _account(settings: BotSettings) -> AsyncIterator[KieAccount]:
    async with kie.client(str(settings.kie_api_url).rstrip("/"), settings.kie_api_key) as http:
        yield KieAccount(http)


def _callback_url(settings: BotSettings, token: UUID) -> str | None:
    """Return where the provider may tell of this generation; None when we have no public address."""
    base: Any = settings.webhook_base_url
    return None if base is None else f"{str(base).rstrip('/')}/{CALLBACKS}/{token}"
