"""Sampling: a trace is kept or dropped as a whole, a linked pair too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import trace

from telemetry import tracing
from telemetry.sampling import ALWAYS


@pytest.fixture(params=[0.0, 0.5])
def ratio(request: pytest.FixtureRequest) -> Iterator[float]:
    """Keep this share; the endpoint is never reached, because nothing waits for an export."""
    share: float = request.param
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_SAMPLER_ARG": str(share)}
    tracing.configure(instance_id="test", version="1", environ=environ)
    yield share
    tracing.reset()


def current() -> trace.SpanContext:
    return trace.get_current_span().get_span_context()


def test_a_linked_pair_is_never_kept_by_half(ratio: float) -> None:
    """Sampled on its own, the linked root would disagree with its cause in half of all cases."""
    kept = 0
    for _ in range(500):
        with tracing.span("send", kind="producer"):
            cause, stored = current(), tracing.inject()
        with tracing.span("process", kind="consumer", links=[tracing.link(stored)]):
            effect = current()
            with tracing.span("call provider"):
                inner = current()
        assert len({cause.trace_flags.sampled, effect.trace_flags.sampled, inner.trace_flags.sampled}) == 1
        assert cause.trace_id != effect.trace_id
        assert effect.trace_id == inner.trace_id
        assert len({cause.span_id, effect.span_id, inner.span_id}) == 3
        kept += cause.trace_flags.sampled
    assert (150 < kept < 350) if ratio else kept == 0


@pytest.mark.parametrize("name", sorted(ALWAYS))
def test_the_rare_spans_are_always_kept(ratio: float, name: str) -> None:
    """Inside a dropped trace, and with a link to a dropped one."""
    dropped = tracing.link(f"00-{1:032x}-{1:016x}-00")
    with tracing.span("process", kind="consumer", links=[dropped]):
        assert not current().trace_flags.sampled
        with tracing.span(name):
            assert current().trace_flags.sampled
    with tracing.span(name, links=[dropped]):
        assert current().trace_flags.sampled


def test_a_span_that_is_not_kept_has_ids_and_leaves_no_trace_of_itself(ratio: float) -> None:
    """Log lines and rows carry its ids; it takes attributes, an exception passes through, and the current one is back."""
    dropped = tracing.link(f"00-{1:032x}-{1:016x}-00")
    with tracing.span("process", links=[dropped]) as span:
        span.set({"a": 1})
        span.fail("timeout")
        assert tracing.ids() is not None
        assert tracing.exemplar() is None
    assert tracing.ids() is None
    with pytest.raises(ValueError, match="boom"), tracing.span("process", links=[dropped]):
        raise ValueError("boom")
    assert tracing.ids() is None
