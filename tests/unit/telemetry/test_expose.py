"""Exposition: what a scraper gets, in both formats."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from telemetry import emit, events, expose, metrics, snapshot, tracing
from telemetry.catalogue import BY_NAME

OPENMETRICS = "application/openmetrics-text; version=1.0.0, text/plain; version=0.0.4; q=0.5"


def test_every_sample_carries_the_instance(live: metrics.Metrics) -> None:
    """Two instances behind one address stay two series."""
    snapshot.publish(snapshot.Snapshot(fencing_token=3))
    families = list(parse_text(expose.render(None)[0].decode()))
    assert {sample.labels.get("instance_id") for family in families for sample in family.samples} == {"test-1"}


@pytest.mark.parametrize("accept", [None, OPENMETRICS, "text/plain; version=1.0.0; escaping=underscores", "*/*"])
def test_no_family_appears_twice_and_no_creation_times_are_exposed(live: metrics.Metrics, accept: str | None) -> None:
    """A second family of one name doubles every sum; creation times double the size."""
    text = expose.render(accept)[0].decode()
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    assert "_created" not in text


def test_the_format_is_negotiated(live: metrics.Metrics) -> None:
    """Prometheus asks for OpenMetrics and gets it; everything else gets text; both can be parsed."""
    body, content_type = expose.render(OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    assert len(list(parse_openmetrics(body.decode()))) > 30  # type: ignore[no-untyped-call]  # published without a type
    body, content_type = expose.render(None)
    assert content_type.startswith("text/plain")
    assert len(list(parse_text(body.decode()))) > 30


def test_everything_exposed_of_ours_is_in_the_catalogue(live: metrics.Metrics) -> None:
    """Dashboards and rules may rely on the catalogue in both directions."""
    text = expose.render(None)[0].decode()
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    ours = {name for name in names if name.startswith(("supervisor_", "bot_"))}
    expected = {name for name, metric in BY_NAME.items() if metric.source != "database"}
    assert ours - {snapshot.AGE} == expected


def test_a_kept_trace_becomes_an_exemplar(live: metrics.Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a slow bucket to the trace that made it slow, in OpenMetrics only."""
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    with current_span(monkeypatch, trace_id):
        emit(events.RequestAnswered(route="webhook", code=200, seconds=0.3))
    assert trace_id in expose.render(OPENMETRICS)[0].decode()
    assert trace_id not in expose.render(None)[0].decode()


@contextmanager
def current_span(monkeypatch: pytest.MonkeyPatch, trace_id: str) -> Iterator[None]:
    """Pretend that a kept span of this trace is current."""
    with monkeypatch.context() as patched:
        patched.setattr(tracing, "exemplar", lambda: {"trace_id": trace_id, "span_id": "b7ad6b7169203331"})
        yield


def test_before_configuration_there_is_nothing_to_expose() -> None:
    """A scrape that comes too early gets an empty page, not an error."""
    assert expose.render(None)[0] == b""
