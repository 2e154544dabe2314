"""Unit tests do no I/O: a blocking call on the event loop fails the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blockbuster import blockbuster_ctx


@pytest.fixture(autouse=True)
def no_blocking_calls() -> Iterator[None]:
    """Fail any blocking call that our packages make on the event loop."""
    with blockbuster_ctx(["supervisor", "bot", "telemetry"]):
        yield
