"""Traces under more load than a collector or the processor can bear: fewer, but whole, and every loss counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from telemetry import emission, tracing
from telemetry.export import BATCH, QUEUE
from telemetry.sampling import NEW_TRACES
from tests.integration.telemetry.test_otlp import Collector

KEPT = tracing.link(f"00-{1:032x}-{1:016x}-01")


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that every span of this process is sent to."""
    found = Collector()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    tracing.configure(instance_id="test-1", version="1.2.3", environ={"OTEL_EXPORTER_OTLP_ENDPOINT": found.url})
    yield found
    tracing.reset()
    found.released.set()
    found.server.shutdown()
    found.server.server_close()
    thread.join(5)


def counted(result: str) -> int:
    """How many spans this process has counted so."""
    return emission.spans().get(result, 0)


async def test_a_storm_is_kept_in_part_but_every_pair_as_a_whole(collector: Collector) -> None:
    """More traces than may begin: none is lost on its way, and none without its other half."""
    before, storm, began = counted("failed"), 5 * NEW_TRACES, time.monotonic()
    for number in range(storm):
        with tracing.span(f"send {number}", kind="producer"):
            row = tracing.inject()
        with tracing.span(f"process {number}", kind="consumer", links=[tracing.link(row)]):
            pass
    seconds = time.monotonic() - began
    assert await tracing.shutdown()
    names = set(collector.spans())
    sent = {name.split()[1] for name in names if name.startswith("send")}
    processed = {name.split()[1] for name in names if name.startswith("process")}
    assert sent == processed
    assert NEW_TRACES <= len(sent) <= NEW_TRACES * (1 + seconds) + 1
    assert counted("failed") == before


async def test_a_queue_that_is_half_full_leaves_the_rest_to_what_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that hangs: no new trace, room for what belongs to the old ones, and then a count of what is lost."""
    released = threading.Event()

    def hang(_exporter: OTLPSpanExporter, _spans: Sequence[ReadableSpan]) -> SpanExportResult:
        released.wait()
        return SpanExportResult.SUCCESS

    def end(number: int) -> None:
        for _ in range(number):
            with tracing.span("process", kind="consumer", links=[KEPT]):
                pass

    def begins() -> bool:
        with tracing.span("send", kind="producer"):
            return tracing.exemplar() is not None

    monkeypatch.setattr(OTLPSpanExporter, "export", hang)
    before = counted("failed")
    tracing.configure(instance_id="test-1", version="1", environ={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    try:
        assert begins()
        end(QUEUE // 2)
        assert not begins()
        end(QUEUE // 2 - 1)
        assert counted("failed") == before
        end(BATCH)
        assert counted("failed") == before + BATCH
    finally:
        released.set()
        assert await tracing.shutdown()
