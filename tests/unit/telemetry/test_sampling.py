"""Sampling: a trace is kept or dropped as a whole, a linked pair too."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import copy_context

import anyio
import pytest

from telemetry import emit, events, tracing
from telemetry.sampling import ALWAYS, Allowance, FollowLinks

KEPT, DROPPED = (tracing.link(f"00-{1:032x}-{1:016x}-0{flags}") for flags in (1, 0))


@pytest.fixture(params=[0.0, 0.5])
def ratio(request: pytest.FixtureRequest) -> Iterator[float]:
    """Keep this share; the endpoint is never reached, because nothing waits for an export."""
    share: float = request.param
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_SAMPLER_ARG": str(share)}
    tracing.configure(instance_id="test", version="1", environ=environ)
    yield share
    tracing.reset()


def current() -> tracing.SpanLink:
    """Return the current span as a row carries it; log lines and exemplars must say the same."""
    found = tracing.link(tracing.inject())
    assert found is not None
    ids = (f"{found.trace_id:032x}", f"{found.span_id:016x}")
    assert tracing.ids() == ids
    assert tracing.exemplar() == (dict(zip(("trace_id", "span_id"), ids, strict=True)) if found.sampled else None)
    return found


def test_a_linked_pair_is_never_kept_by_half(ratio: float) -> None:
    """Sampled on its own, the linked root would disagree with its cause in half of all cases."""
    kept = 0
    for _ in range(500):
        with tracing.span("send", kind="producer"):
            cause = current()
        with tracing.span("process", kind="consumer", links=[cause]):
            effect = current()
            with tracing.span("call provider"):
                inner = current()
            assert current() == effect
        assert len({cause.sampled, effect.sampled, inner.sampled}) == 1
        assert cause.trace_id != effect.trace_id
        assert effect.trace_id == inner.trace_id
        assert len({cause.span_id, effect.span_id, inner.span_id}) == 3
        kept += cause.sampled
    assert (50 < kept < 350) if ratio else kept == 0


@pytest.mark.parametrize("name", sorted(ALWAYS))
def test_the_rare_spans_are_always_kept(ratio: float, name: str) -> None:
    """Inside a dropped trace, and with a link to a dropped one."""
    with tracing.span("process", kind="consumer", links=[DROPPED]):
        assert not current().sampled
        with tracing.span(name):
            assert current().sampled
    with tracing.span(name, links=[DROPPED]):
        assert current().sampled


def test_a_span_that_is_not_kept_has_ids_and_leaves_no_trace_of_itself(ratio: float) -> None:
    """Log lines and rows carry its ids; it takes attributes, an exception passes through, and the current one is back."""
    with tracing.span("process", links=[DROPPED]) as span:
        span.set({"a": 1})
        span.fail("timeout")
        assert not current().sampled
    assert tracing.ids() is None
    with pytest.raises(ValueError, match="boom"), tracing.span("process", links=[DROPPED]):
        raise ValueError("boom")
    assert tracing.ids() is None


async def test_every_task_has_a_current_span_of_its_own(ratio: float) -> None:
    """Requests are answered side by side: none may store the identity of another."""

    async def request() -> None:
        with tracing.span("send", kind="producer"):
            own = current()
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
                assert current() == own
                with tracing.span("inner"):
                    assert current().trace_id == own.trace_id
                    await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(request)
    assert tracing.ids() is None


@pytest.mark.parametrize("cause", [KEPT, DROPPED])
def test_a_block_that_ends_in_another_context_does_not_raise(ratio: float, cause: tracing.SpanLink) -> None:
    """A generator that holds a span may be closed by whoever runs then."""
    block = tracing.span("process", links=[cause])
    copy_context().run(block.__enter__)
    block.__exit__(None, None, None)
    assert tracing.ids() is None


def test_what_outlives_a_span_adds_nothing_to_it(ratio: float, caplog: pytest.LogCaptureFixture) -> None:
    """A task keeps the current span it was started in; its events come too late, and that is no fault of anybody."""
    with tracing.span("process", links=[KEPT]):
        task = copy_context()
    task.run(emit, events.TermWon(epoch=1, reason="free"))
    assert caplog.messages == []


def test_only_a_trace_that_begins_needs_room() -> None:
    """What belongs to a kept trace is kept however many there are, or the pair would be half."""
    sampling = FollowLinks(1.0, room=lambda: False)
    assert KEPT is not None
    assert not sampling.keeps("send", None, [])
    assert sampling.keeps("term", None, [])
    assert sampling.keeps("call provider", True, [])
    assert sampling.keeps("process", None, [KEPT])
    assert not FollowLinks(0.0, room=lambda: True).keeps("send", None, [])


def test_an_allowance_gives_so_many_a_second_and_what_is_not_asked_for_is_not_saved_up() -> None:
    """Whoever asks less often always gets one; after a storm, and after a long rest, it is as before."""
    now = 1000.0
    allowance = Allowance(8, clock=lambda: now)
    assert sum(allowance.take() for _ in range(100)) == 9
    given = 0
    for _ in range(320):
        now += 1 / 64
        given += allowance.take()
    assert given == 40
    now += 3600.0
    assert sum(allowance.take() for _ in range(100)) == 9
    now += 2.0
    for _ in range(100):
        now += 1 / 8
        assert allowance.take()
