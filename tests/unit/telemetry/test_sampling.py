"""Sampling: a trace is kept or dropped as a whole, a linked pair too."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider

from telemetry.sampling import ALWAYS, FollowLinks


def tracer(ratio: float) -> trace.Tracer:
    """Make a tracer that keeps this share and sends nothing anywhere."""
    return TracerProvider(sampler=FollowLinks(ratio), shutdown_on_exit=False).get_tracer("test")


def test_a_linked_pair_is_never_kept_by_half() -> None:
    """Sampled on its own, the linked root would disagree with its cause in half of all cases."""
    half = tracer(0.5)
    kept = 0
    for _ in range(500):
        with half.start_as_current_span("send", context=Context()) as cause:
            link = trace.Link(cause.get_span_context())
        with (
            half.start_as_current_span("process", context=Context(), links=[link]) as effect,
            half.start_as_current_span("call provider") as inner,
        ):
            pass
        flags = {span.get_span_context().trace_flags.sampled for span in (cause, effect, inner)}
        assert len(flags) == 1
        kept += flags.pop()
    assert 150 < kept < 350


@pytest.mark.parametrize("name", sorted(ALWAYS))
def test_the_rare_spans_are_always_kept(name: str) -> None:
    """At ratio 0, inside a dropped trace, and with a link to a dropped one."""
    never = tracer(0.0)
    with never.start_as_current_span("dropped", context=Context()) as dropped:
        assert not dropped.get_span_context().trace_flags.sampled
        with never.start_as_current_span(name) as inside:
            assert inside.get_span_context().trace_flags.sampled
    with never.start_as_current_span(name, context=Context(), links=[trace.Link(dropped.get_span_context())]) as linked:
        assert linked.get_span_context().trace_flags.sampled
