"""The tracer of a process that has an endpoint: OpenTelemetry's SDK, kept private, never made global."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from time import monotonic, time_ns
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link
from opentelemetry.trace.span import SpanContext, TraceFlags

from telemetry import emission, semconv
from telemetry.export import Export
from telemetry.sampling import NEW_TRACES, Allowance, FollowLinks
from telemetry.spans import DroppedSpan, LiveSpan, clean, current
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
        self._export = Export(endpoint)
        self._provider.add_span_processor(self._export)
        self._tracer = self._provider.get_tracer("vigil", version)
        self._allowance = Allowance(NEW_TRACES)
        self._sampling = FollowLinks(endpoint.ratio, self._has_room)
        self._ambient: LiveSpan | DroppedSpan | None = None
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
        causes = [cause for cause in links if cause is not None] if links else []
        begins = root or ambient or causes or kind in _ROOTS
        parent = None if begins else current.get()
        if self._sampling.keeps(name, None if parent is None else parent.kept, causes):
            made: LiveSpan | DroppedSpan = self._start(name, kind, causes, attributes, parent)
        else:
            made = DroppedSpan(parent)
        return self._around(made) if ambient else made

    def _start(
        self,
        name: str,
        kind: SpanKind,
        causes: Iterable[SpanLink],
        attributes: Mapping[str, Value],
        parent: LiveSpan | DroppedSpan | None,
    ) -> LiveSpan:
        context = parent.context() if isinstance(parent, LiveSpan) else Context()
        links = [Link(_context(cause)) for cause in causes]
        return LiveSpan(self._tracer.start_span(name, context, _KINDS[kind], clean(attributes), links))

    def _has_room(self) -> bool:
        return self._export.has_room() and self._allowance.take()

    @contextmanager
    def _around(self, made: LiveSpan | DroppedSpan) -> Iterator[Span]:
        """Take up the events that happen outside of any span while the block runs."""
        self._ambient, raised = made, None
        try:
            yield made
        except BaseException as error:
            raised = error
            raise
        finally:
            self._ambient = None
            made.end(raised)

    def inject(self) -> str | None:
        """See `telemetry.tracing.inject`."""
        span = current.get()
        return None if span is None else span.traceparent()

    def ids(self) -> tuple[str, str] | None:
        """See `telemetry.tracing.ids`."""
        span = current.get()
        return None if span is None else span.ids()

    def exemplar(self) -> dict[str, str] | None:
        """See `telemetry.tracing.exemplar`."""
        span = current.get()
        if span is None or not span.kept:
            return None
        trace_id, span_id = span.ids()
        return {"trace_id": trace_id, "span_id": span_id}

    def record(self, event: Event) -> None:
        """Add a logged event to the current span, and end the span of a transfer; what is metric-only stays out."""
        # First: this is every update's way, and what changes leadership is always logged.
        if event.level is None:
            return
        if (transfer := self._transfers.note(event, monotonic())) is not None:
            self._add(transfer)
        span = current.get() or self._ambient
        if span is not None:
            span.add(event)

    def _add(self, transfer: Transfer) -> None:
        ended_at = time_ns()
        started = self._tracer.start_span(
            transfer.name,
            Context(),
            attributes=clean(transfer.attributes),
            start_time=ended_at - int(transfer.seconds * 1e9),
        )
        started.end(ended_at)


def _context(cause: SpanLink) -> SpanContext:
    return SpanContext(cause.trace_id, cause.span_id, is_remote=True, trace_flags=TraceFlags(cause.flags))
