"""One real program behind the chat page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.bot.sandbox.conftest import driver
from tests.browser.bot.sandbox.pages import Page
from tests.process.app.conftest import Launch, launch, sandbox
from tests.process.app.fleet import Sandbox

__all__ = ["driver", "launch", "sandbox"]


@pytest.fixture
def page(sandbox: Sandbox, launch: Launch, driver: Any) -> Iterator[Page]:
    """The chat page of a program that gives newcomers enough for anything."""
    sandbox.set_faults(provider_latency="0.3")
    launch(WELCOME_CREDITS="1000", LOCK_PROFILE="standard").wait_role("ACTIVE")
    shown = Page(driver, sandbox.url(""))
    yield shown
    complaints = shown.complaints()
    driver.get("about:blank")
    assert complaints == []
