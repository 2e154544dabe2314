"""Telemetry is one per process: every test begins and ends with none configured."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from telemetry import logging, metrics, redact, snapshot, tracing

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def nothing_configured() -> Iterator[None]:
    """Leave nothing behind: no sink, no secret, no snapshot, no epoch."""
    yield
    logging.reset()
    logging.set_epoch(None)
    metrics.reset()
    tracing.reset()
    redact.forget_secrets()
    snapshot.SNAPSHOT.begin()


@pytest.fixture
def live() -> metrics.Metrics:
    """Metrics with one child and one model declared."""
    configured = metrics.configure(instance_id="test-1", version="1.2.3")
    metrics.declare("child", ["http"])
    metrics.declare("model", {"z-image": {"modality": "image"}})
    return configured


@pytest.fixture
def lines() -> Lines:
    """Log lines as JSON from level DEBUG on; call it for what was written so far."""
    stream = io.StringIO()
    logging.configure(level="DEBUG", format="json", instance_id="test-1", stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
