"""One update's way from its acceptance to its handling, as a collector receives it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from supervisor.inbox.claims import Row
from supervisor.inbox.worker import Worker
from supervisor.inbox.writer import Writer
from telemetry import tracing
from tests.integration.children import running
from tests.integration.supervisor.inbox.conftest import Sample, Tenure
from tests.integration.telemetry.test_otlp import Collector


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that every span of this process is sent to."""
    found = Collector()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    tracing.configure(instance_id="test-1", version="1.2.3", environ={"OTEL_EXPORTER_OTLP_ENDPOINT": found.url})
    yield found
    tracing.reset()
    found.server.shutdown()
    found.server.server_close()
    thread.join(5)


async def test_a_handler_is_linked_to_the_request_that_brought_its_row(
    collector: Collector, database_url: str, tenure: Tenure
) -> None:
    """The row carries the request's span; the handling is a trace of its own with a link to it."""
    writer, handled = Writer(lambda: database_url), anyio.Event()
    stored: list[str | None] = []

    async def handle(row: Row, _: Any) -> None:
        stored.append(row.traceparent)
        handled.set()

    worker = Worker(tenure.database, tenure.claims, handle, writer.stored)
    async with running(writer.serve, worker.serve):
        with tracing.span("send updates", kind="producer"):
            brought = tracing.inject()
            await writer.put(Sample("1"))
        await handled.wait()
    assert stored == [brought]
    assert await tracing.shutdown()
    spans = collector.spans()
    sent, processed = spans["send updates"], spans["process updates"]
    assert [(link.trace_id, link.span_id) for link in processed.links] == [(sent.trace_id, sent.span_id)]
    assert processed.trace_id != sent.trace_id
