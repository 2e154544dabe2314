"""The tracer of a process that has an endpoint: OpenTelemetry's SDK, kept private, never made global."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from time import monotonic, time_ns
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, Status, StatusCode
from opentelemetry.trace.span import INVALID_SPAN_CONTEXT, NonRecordingSpan, SpanContext, TraceFlags

from telemetry import emission, semconv
from telemetry.fields import plain
from telemetry.redact import redact
from telemetry.sampling import FollowLinks
from telemetry.transfers import Transfer, Transfers

if TYPE_CHECKING:
    from telemetry.events.base import Event
    from telemetry.otel import Endpoint
    from telemetry.tracing import Span, SpanKind, SpanLink, Value

_KINDS: Mapping[str, trace.SpanKind] = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
    "producer": trace.SpanKind.PRODUCER,
    "consumer": trace.SpanKind.CONSUMER,
}
_ROOTS = frozenset({"server", "consumer"})


class LiveSpan:
    """A recorded span behind the interface of `telemetry.tracing`."""

    __slots__ = ("_span",)

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, attributes: Mapping[str, Value]) -> None:
        """Add attributes, redacted."""
        if self._span.is_recording():
            self._span.set_attributes(_clean(attributes))

    def fail(self, error_type: str) -> None:
        """Mark the span as failed."""
        self._span.set_attribute(semconv.ERROR_TYPE, error_type)
        self._span.set_status(Status(StatusCode.ERROR))


class Exporter(OTLPSpanExporter):
    """OTLP over HTTP, counting what arrived and what did not."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans; a collector that cannot take them costs them, and only them."""
        result = super().export(spans)
        emission.note_spans("sent" if result is SpanExportResult.SUCCESS else "failed", len(spans))
        return result


class Tracing:
    """Spans to one endpoint, and the sink that adds logged events to the current span."""

    def __init__(self, endpoint: Endpoint, *, instance_id: str, version: str) -> None:
        service = {
            semconv.SERVICE_NAME: "vigil",
            semconv.SERVICE_VERSION: version,
            semconv.SERVICE_INSTANCE_ID: instance_id,
        }
        # shutdown_on_exit would flush a second time at exit, without our bound.
        self._provider = TracerProvider(
            # What is not kept never comes to the SDK.
            sampler=ALWAYS_ON,
            resource=Resource.create({**endpoint.resource, **service}),
            shutdown_on_exit=False,
        )
        exporter = Exporter(endpoint=endpoint.url, headers=endpoint.headers, timeout=endpoint.timeout_seconds)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("vigil", version)
        self._sampling = FollowLinks(endpoint.ratio)
        self._ambient: trace.Span | None = None
        self._transfers = Transfers()

    def attach(self) -> None:
        """Let events reach the current span."""
        emission.attach("span", self.record)

    def detach(self) -> None:
        """Let no further event reach a span."""
        emission.detach(self.record)

    def close(self) -> None:
        """Send what is left and stop; takes as long as the exporter's timeout and retries allow."""
        self._provider.shutdown()

    def span(
        self,
        name: str,
        kind: SpanKind,
        links: Iterable[SpanLink | None],
        attributes: Mapping[str, Value],
        *,
        root: bool,
        ambient: bool,
    ) -> AbstractContextManager[Span]:
        """See `telemetry.tracing.span`."""
        causes = [_context(cause) for cause in links if cause is not None]
        begins = root or ambient or causes or kind in _ROOTS
        parent = INVALID_SPAN_CONTEXT if begins else trace.get_current_span().get_span_context()
        if not self._sampling.keeps(name, parent, causes):
            dropped = _dropped(parent)
            return self._around(dropped) if ambient else _Passing(dropped)
        made_from = [Link(cause) for cause in causes]
        context = Context() if begins else None
        started = self._tracer.start_span(name, context, _KINDS[kind], _clean(attributes), made_from)
        return self._around(started) if ambient else _current(started)

    @contextmanager
    def _around(self, started: trace.Span) -> Iterator[Span]:
        """Take up the events that happen outside of any span while the block runs."""
        self._ambient = started
        try:
            with _ending(started) as live:
                yield live
        finally:
            self._ambient = None

    def inject(self) -> str | None:
        """See `telemetry.tracing.inject`."""
        current = trace.get_current_span().get_span_context()
        if not current.is_valid:
            return None
        return f"00-{current.trace_id:032x}-{current.span_id:016x}-{current.trace_flags:02x}"

    def ids(self) -> tuple[str, str] | None:
        """See `telemetry.tracing.ids`."""
        current = trace.get_current_span().get_span_context()
        return (f"{current.trace_id:032x}", f"{current.span_id:016x}") if current.is_valid else None

    def exemplar(self) -> dict[str, str] | None:
        """See `telemetry.tracing.exemplar`."""
        current = trace.get_current_span().get_span_context()
        if not (current.is_valid and current.trace_flags.sampled):
            return None
        return {"trace_id": f"{current.trace_id:032x}", "span_id": f"{current.span_id:016x}"}

    def record(self, event: Event) -> None:
        """Add a logged event to the current span, and end the span of a transfer; what is metric-only stays out."""
        # First: this is every update's way, and what changes leadership is always logged.
        if event.level is None:
            return
        if (transfer := self._transfers.note(event, monotonic())) is not None:
            self._add(transfer)
        current = trace.get_current_span()
        if self._ambient is not None and not current.get_span_context().is_valid:
            current = self._ambient
        if current.is_recording():
            current.add_event(event.name, {name: _attribute(value) for name, value in plain(event).items()})

    def _add(self, transfer: Transfer) -> None:
        ended_at = time_ns()
        started = self._tracer.start_span(
            transfer.name,
            Context(),
            attributes=_clean(transfer.attributes),
            start_time=ended_at - int(transfer.seconds * 1e9),
        )
        started.end(ended_at)


class _Passing:
    """Makes a span that is not kept the current one while the block runs."""

    __slots__ = ("_span", "_token")

    def __init__(self, dropped: trace.Span) -> None:
        self._span = dropped

    def __enter__(self) -> Span:
        self._token = attach(trace.set_span_in_context(self._span))
        return LiveSpan(self._span)

    def __exit__(self, *_raised: object) -> None:
        detach(self._token)


def _dropped(parent: SpanContext) -> trace.Span:
    """Return a span that is not kept: only an identity, for log lines and for the rows it brings."""
    trace_id = parent.trace_id if parent.is_valid else random.getrandbits(128) or 1
    return NonRecordingSpan(SpanContext(trace_id, random.getrandbits(64) or 1, is_remote=False))


@contextmanager
def _current(started: trace.Span) -> Iterator[Span]:
    """Make the span the current one while the block runs."""
    with trace.use_span(started, record_exception=False, set_status_on_exception=False), _ending(started) as live:
        yield live


@contextmanager
def _ending(started: trace.Span) -> Iterator[Span]:
    """End the span with the block, and say how the block ended."""
    live = LiveSpan(started)
    try:
        yield live
    except Exception as error:
        # The type alone: the text of an exception may hold what must not leave the process.
        live.fail(type(error).__qualname__)
        raise
    except BaseException:
        # Cancelled, or the process ends: no fault of this work.
        live.set({semconv.VIGIL_CANCELLED: True})
        raise
    finally:
        started.end()


def _context(cause: SpanLink) -> SpanContext:
    return SpanContext(cause.trace_id, cause.span_id, is_remote=True, trace_flags=TraceFlags(cause.flags))


def _clean(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {name: redact(value) if isinstance(value, str) else value for name, value in attributes.items()}


def _attribute(value: object) -> Value:
    return value if isinstance(value, str | bool | int | float) else str(value)
