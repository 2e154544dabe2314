"""A headless Chromium, and the page of a sandbox with a tiny bot in it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.from_thread import BlockingPortal
from selenium import webdriver

from bot.sandbox.client import connected
from bot.sandbox.testing import running
from bot.sandbox.tinybot import TinyBot
from tests.browser.bot.sandbox.pages import Page

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--no-proxy-server",
)


@asynccontextmanager
async def played(home: Path) -> AsyncIterator[str]:
    """Run a sandbox with a tiny bot in it."""
    async with running(home) as address, connected(address) as client, anyio.create_task_group() as group:
        await client.set_faults(provider_latency=0.3)
        await group.start(TinyBot(client).serve)
        yield address
        group.cancel_scope.cancel()


@pytest.fixture(scope="module")
def driver(program: Callable[[str], str | None]) -> Iterator[Any]:
    """A headless Chromium."""
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium") or ""
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(program("chromedriver"), env={**os.environ, "NO_PROXY": "*"})
    opened = webdriver.Chrome(options=options, service=service)
    yield opened
    opened.quit()


@pytest.fixture
def page(home: Path, portal: BlockingPortal, driver: Any) -> Iterator[Page]:
    """The page of a fresh sandbox, closed before the sandbox is."""
    with portal.wrap_async_context_manager(played(home)) as address:
        shown = Page(driver, address)
        yield shown
        complaints = shown.complaints()
        driver.get("about:blank")
        assert complaints == []
