"""The two kinds of span behind the interface of `telemetry.tracing`, and which of them is the current one.

    LiveSpan       kept: recorded by the SDK, sent to the collector
    DroppedSpan    not kept: two ids, so that log lines and rows of one update can be told from those of another

Both are their own context managers.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Status, StatusCode

from telemetry import semconv
from telemetry.fields import plain
from telemetry.redact import redact

if TYPE_CHECKING:
    from telemetry.events.base import Event
    from telemetry.tracing import Value


class DroppedSpan:
    """A span that is not kept: only an identity, for log lines and for the rows it brings.

    This is nearly every request, so it makes nothing but two texts, and knows nothing of the SDK.
    """

    __slots__ = ("_before", "_span_id", "_trace_id")
    kept = False

    def __init__(self, parent: LiveSpan | DroppedSpan | None) -> None:
        bits = random.randbytes(24).hex()  # noqa: S311 - unique, not secret
        self._trace_id = bits[:32] if parent is None else parent.ids()[0]
        self._span_id = bits[32:]

    def __enter__(self) -> Self:
        self._before = current.get()
        current.set(self)
        return self

    def __exit__(self, *_raised: object) -> None:
        current.set(self._before)

    def set(self, attributes: Mapping[str, Value]) -> None:
        """Do nothing."""

    def fail(self, error_type: str) -> None:
        """Do nothing."""

    def add(self, event: Event) -> None:
        """Do nothing."""

    def end(self, raised: BaseException | None) -> None:
        """Do nothing."""

    def ids(self) -> tuple[str, str]:
        """Return trace id and span id in hex."""
        return self._trace_id, self._span_id

    def traceparent(self) -> str:
        """Return its identity, and that it is not kept."""
        return f"00-{self._trace_id}-{self._span_id}-00"


class LiveSpan:
    """A recorded span behind the interface of `telemetry.tracing`."""

    __slots__ = ("_before", "_span")
    kept = True

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def __enter__(self) -> Self:
        self._before = current.get()
        current.set(self)
        return self

    def __exit__(self, _kind: object, raised: BaseException | None, _stack: object) -> None:
        current.set(self._before)
        self.end(raised)

    def set(self, attributes: Mapping[str, Value]) -> None:
        """Add attributes, redacted."""
        if self._span.is_recording():
            self._span.set_attributes(clean(attributes))

    def fail(self, error_type: str) -> None:
        """Mark the span as failed."""
        self._span.set_attribute(semconv.ERROR_TYPE, error_type)
        self._span.set_status(Status(StatusCode.ERROR))

    def add(self, event: Event) -> None:
        """Add a logged event; what outlives the span adds nothing to it."""
        if self._span.is_recording():
            self._span.add_event(event.name, {name: _attribute(value) for name, value in plain(event).items()})

    def end(self, raised: BaseException | None) -> None:
        """End the span with its block, and say how the block ended."""
        if isinstance(raised, Exception):
            # The type alone: the text of an exception may hold what must not leave the process.
            self.fail(type(raised).__qualname__)
        elif raised is not None:
            # Cancelled, or the process ends: no fault of this work.
            self.set({semconv.VIGIL_CANCELLED: True})
        self._span.end()

    def ids(self) -> tuple[str, str]:
        """Return trace id and span id in hex."""
        own = self._span.get_span_context()
        return f"{own.trace_id:032x}", f"{own.span_id:016x}"

    def traceparent(self) -> str:
        """Return its identity, and that it is kept."""
        own = self._span.get_span_context()
        return f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}"

    def context(self) -> Context:
        """Return what makes a span of the SDK its child."""
        return trace.set_span_in_context(self._span, Context())


# Our own instead of the SDK's: a request that is not kept would pay for the SDK's context several times.
# Put back by `set`, because a token refuses a block that ends in another context, and a span must never raise.
current: ContextVar[LiveSpan | DroppedSpan | None] = ContextVar("span", default=None)


def clean(attributes: Mapping[str, Value]) -> dict[str, Value]:
    """Return the attributes, redacted."""
    return {name: redact(value) if isinstance(value, str) else value for name, value in attributes.items()}


def _attribute(value: object) -> Value:
    return value if isinstance(value, str | bool | int | float) else str(value)
