"""An instance on a real database, none of whose children run by themselves."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from bot import catalogue
from bot.settings import BotSettings
from supervisor.app.instance import Instance
from supervisor.app.intake import Entrance, Intake
from supervisor.settings import Settings
from supervisor.signals import HANDLED, Ladder
from supervisor.term import lock_key_for
from supervisor.timing import PROFILES


def asking(app: ASGIApp | Intake) -> httpx.AsyncClient:
    """Return a client of an application, or of one endpoint that takes something in."""
    if isinstance(app, Intake):
        app = Entrance((app,), Starlette())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bot", timeout=10)


@pytest.fixture
async def ladder() -> AsyncIterator[Ladder]:
    """A ladder whose handlers are taken back after the test."""
    before = {number: signal.getsignal(number) for number in HANDLED}
    yield Ladder()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def instance(home: Path, database_url: str, ladder: Ladder) -> Instance:
    """An instance as `vigil run` builds it."""
    base = Settings.model_validate({"vigil_home": home, "database_url": database_url})
    bot = BotSettings.model_validate({"telegram_bot_token": "7:" + "a" * 35, "kie_api_key": "k" * 20, "admin_ids": "7"})
    return Instance(base, bot, PROFILES["fast"], lock_key_for(bot.bot_id), catalogue.load(), ladder)
