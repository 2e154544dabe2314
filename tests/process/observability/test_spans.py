"""What a collector gets to see of leadership in a real run: the takeover, the term, the handover."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.integration.telemetry.test_otlp import Collector, attributes
from tests.process.app.conftest import Launch

SECOND = 1_000_000_000


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that runs as long as the test."""
    running = Collector()
    thread = threading.Thread(target=running.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield running
    running.server.shutdown()
    running.server.server_close()
    thread.join(5)


@pytest.mark.timeout(120)
def test_a_takeover_a_term_and_a_handover_are_spans_with_their_facts(launch: Launch, collector: Collector) -> None:
    """Kept at a sampling of none, since they are wanted exactly when something went wrong."""
    first = launch("one")
    first.wait_role("ACTIVE")
    tracing = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_TRACES_SAMPLER_ARG": "0"}
    second = launch("two", **tracing)
    second.wait_role("PASSIVE")
    first.kill()
    second.wait_role("ACTIVE", 45)
    second.signal_term()
    assert second.wait() == 0
    spans = collector.spans()
    assert {"takeover", "term", "handover"} <= set(spans), second.output()[-3000:]
    takeover, term, handover = spans["takeover"], spans["term"], spans["handover"]
    facts = attributes(takeover.attributes)
    assert (facts["epoch"], facts["reason"] in {"stale", "session_lost"}) == (2, True)
    assert str(facts["previous_holder"]).startswith("one-")
    assert 0 < takeover.end_time_unix_nano - takeover.start_time_unix_nano < 45 * SECOND
    assert takeover.end_time_unix_nano <= term.start_time_unix_nano <= handover.start_time_unix_nano
    assert attributes(term.attributes)["epoch"] == attributes(handover.attributes)["epoch"] == 2
    assert "children.ready" in [event.name for event in term.events]
