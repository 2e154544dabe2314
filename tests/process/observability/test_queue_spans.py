"""One update's way through a real instance as a collector gets to see it: taken in, handled, answered; three linked traces."""

from __future__ import annotations

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from telemetry import semconv
from tests.integration.telemetry.test_otlp import Collector, attributes
from tests.process.app.conftest import Launch
from tests.process.app.fleet import Sandbox
from tests.process.observability.test_spans import collector

__all__ = ["collector"]


def caused_by(spans: list[Span], name: str, cause: Span) -> Span:
    """Return the span of this name that is linked to another."""
    for span in spans:
        if span.name == name and any(link.span_id == cause.span_id for link in span.links):
            return span
    raise AssertionError(f"no {name} is linked to {cause.name}; came: {sorted(span.name for span in spans)}")


@pytest.mark.timeout(120)
def test_an_update_is_three_linked_traces(launch: Launch, sandbox: Sandbox, collector: Collector) -> None:
    """From the request to its handling to the message that answers it, each under messaging's names."""
    instance = launch("one", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    instance.wait_role("ACTIVE")
    sandbox.write("/start")
    sandbox.wait_for("the greeting", lambda message: bool(message["text"]))
    instance.signal_term()
    assert instance.wait() == 0
    spans = collector.all()
    taken = next(span for span in spans if span.name == "send updates")
    handled = caused_by(spans, "process updates", taken)
    sent = caused_by(spans, "send message", handled)
    assert len({taken.trace_id, handled.trace_id, sent.trace_id}) == 3
    kinds = (Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER, Span.SPAN_KIND_CONSUMER)
    assert (taken.kind, handled.kind, sent.kind) == kinds
    for span, operation, destination in (
        (taken, "send", "inbox"),
        (handled, "process", "inbox"),
        (sent, "process", "outbox"),
    ):
        about = attributes(span.attributes)
        assert about[semconv.MESSAGING_SYSTEM] == "vigil"
        assert about[semconv.MESSAGING_OPERATION_TYPE] == operation
        assert about[semconv.MESSAGING_DESTINATION_NAME] == destination
    assert attributes(taken.attributes)[semconv.HTTP_ROUTE] == "/webhook/{path}"
    assert attributes(handled.attributes)[semconv.VIGIL_ATTEMPTS] == 1
    assert handled.start_time_unix_nano >= taken.start_time_unix_nano
    assert sent.start_time_unix_nano >= handled.start_time_unix_nano
