"""Traces: spans that cost almost nothing until an endpoint is configured, and leave the process in bounded time.

Without an endpoint nothing of OpenTelemetry is imported. A server or consumer span begins a trace of its own; work
that was stored is tied to its cause by a link, because the cause may be long over:

    webhook span ── inject() ──▶ traceparent in the row ── link(…) ──▶ span("process updates", links=[…])
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import anyio

if TYPE_CHECKING:
    from telemetry.tracer import Tracing

SpanKind = Literal["internal", "server", "client", "producer", "consumer"]
Value = str | bool | int | float
FLUSH_SECONDS = 3.0
_PARTS = {"version": 2, "trace_id": 32, "span_id": 16, "flags": 2}
_HEX = frozenset("0123456789abcdef")


class Span(Protocol):
    """What code inside a span may do with it."""

    def set(self, attributes: Mapping[str, Value]) -> None:
        """Add attributes; their names are in `telemetry.semconv`."""
        ...

    def fail(self, error_type: str) -> None:
        """Mark the span as failed without raising."""
        ...


class _NoSpan:
    """The span of a process that traces nothing."""

    __slots__ = ()

    def set(self, attributes: Mapping[str, Value]) -> None:
        """Do nothing."""

    def fail(self, error_type: str) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class SpanLink:
    """The span that caused this work, as it stood in a traceparent."""

    trace_id: int
    span_id: int
    flags: int

    @property
    def sampled(self) -> bool:
        """Whether the other span is kept. The flags are bits, and `03` is usual: never compare them with `01`."""
        return bool(self.flags & 1)


_NOTHING: AbstractContextManager[Span] = nullcontext(_NoSpan())
_tracing: Tracing | None = None


def span(
    name: str,
    *,
    kind: SpanKind = "internal",
    links: Iterable[SpanLink | None] = (),
    root: bool = False,
    ambient: bool = False,
    attributes: Mapping[str, Value] | None = None,
    **more: Value,
) -> AbstractContextManager[Span]:
    """A span around the block, from sync or async code; an exception marks it as failed and goes on.

    Server and consumer spans, spans with links and `root` ones begin a new trace; others continue the current one.
    An `ambient` span (the term) is a root that nothing becomes a child of: instead, logged events that happen outside
    of any span, in whatever thread, are added to it.
    """
    if _tracing is None:
        return _NOTHING
    given = {**(attributes or {}), **more} if more else attributes or {}
    return _tracing.span(name, kind, links, given, root=root, ambient=ambient)


def link(traceparent: str | None) -> SpanLink | None:
    """The link to the span in a traceparent; None for None and for anything malformed."""
    parts = (traceparent or "").split("-")
    widths = [len(part) for part in parts]
    if widths != list(_PARTS.values()) or parts[0] == "ff" or not _HEX.issuperset("".join(parts)):
        return None
    found = SpanLink(int(parts[1], 16), int(parts[2], 16), int(parts[3], 16))
    return found if found.trace_id and found.span_id else None


def inject() -> str | None:
    """The traceparent of the current span, to be stored with the row that carries the work on; None without one."""
    return None if _tracing is None else _tracing.inject()


def ids() -> tuple[str, str] | None:
    """Trace id and span id of the current span in hex; None without one."""
    return None if _tracing is None else _tracing.ids()


def exemplar() -> dict[str, str] | None:
    """The current span as an exemplar; None unless it is kept. Always shorter than the 128 characters allowed."""
    return None if _tracing is None else _tracing.exemplar()


def configure(*, instance_id: str, version: str, environ: Mapping[str, str]) -> bool:
    """Send traces where the standard OTEL_* names in `environ` say; False when they name no endpoint.

    Raises ValueError when they ask for something this program cannot do.
    """
    global _tracing  # noqa: PLW0603 - one process has one tracer
    from telemetry.otel import Endpoint

    endpoint = Endpoint.of(environ)
    if endpoint is None:
        return False
    from telemetry.tracer import Tracing

    reset()
    tracing = Tracing(endpoint, instance_id=instance_id, version=version)
    tracing.attach()
    _tracing = tracing
    return True


async def shutdown(timeout: float = FLUSH_SECONDS) -> bool:  # noqa: ASYNC109 - it bounds a thread, not this task
    """Send what is left, for at most `timeout` seconds; False when that was not enough.

    Call it after the lock is released: a dead collector must never hold the lock.
    """
    tracing = _detach()
    if tracing is None:
        return True
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def flush() -> None:
        try:
            tracing.close()
        finally:
            if not loop.is_closed():
                loop.call_soon_threadsafe(done.set)

    # A daemon thread, not a worker: one that hangs in a socket must neither occupy the pool nor keep the process.
    threading.Thread(target=flush, name="trace-flush", daemon=True).start()
    with anyio.move_on_after(timeout, shield=True):
        await done.wait()
    return done.is_set()


def reset() -> None:
    """Stop tracing without waiting for what is left."""
    if (tracing := _detach()) is not None:
        threading.Thread(target=tracing.close, name="trace-flush", daemon=True).start()


def _detach() -> Tracing | None:
    global _tracing  # noqa: PLW0603 - one process has one tracer
    tracing = _tracing
    _tracing = None
    if tracing is not None:
        tracing.detach()
    return tracing
