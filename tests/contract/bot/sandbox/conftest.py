"""A sandbox of the test's own, python-telegram-bot talking to it, and a webhook that can misbehave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.sandbox.client import Client, connected
from bot.sandbox.testing import Hook, listening, running
from tests.oracle import Oracle, watching


@pytest.fixture(autouse=True)
def durations(monkeypatch: pytest.MonkeyPatch) -> None:
    """python-telegram-bot warns about numbers of seconds unless told that the next type is expected."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture(autouse=True)
def oracle() -> Iterator[Oracle]:
    """Judge at the end of every test what the sandbox took and said in it."""
    with watching() as oracle:
        yield oracle
    oracle.judge()


@pytest.fixture
async def sandbox(home: Path) -> AsyncIterator[Client]:
    """The people's side of a running sandbox."""
    async with running(home) as address, connected(address) as client:
        yield client


@pytest.fixture
async def bot(sandbox: Client) -> AsyncIterator[Bot]:
    """python-telegram-bot, unmodified, initialised on the sandbox."""
    request = HTTPXRequest(httpx_kwargs={"trust_env": False})
    async with Bot(
        "7000000001:contract",
        base_url=f"{sandbox.address}/bot",
        base_file_url=f"{sandbox.address}/file/bot",
        request=request,
        get_updates_request=request,
    ) as made:
        yield made


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    """A webhook on this machine."""
    async with listening() as served:
        yield served
