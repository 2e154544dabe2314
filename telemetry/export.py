"""The way of ended spans to the collector: a bounded queue, and every span that does not arrive is counted."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

from telemetry import emission

if TYPE_CHECKING:
    from telemetry.otel import Endpoint

QUEUE, BATCH = 2048, 512
"""Spans that wait at most, and that one request carries."""


class Exporter(OTLPSpanExporter):
    """OTLP over HTTP, counting what arrived and what did not; `done` is both together."""

    done = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans; a collector that cannot take them costs them, and only them."""
        try:
            result = super().export(spans)
        finally:
            self.done += len(spans)
        emission.note_spans("sent" if result is SpanExportResult.SUCCESS else "failed", len(spans))
        return result


class Export(BatchSpanProcessor):
    """Sends ended spans in batches from a thread of its own; when the queue is full, the SDK's loses spans uncounted."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._exporter = Exporter(endpoint=endpoint.url, headers=endpoint.headers, timeout=endpoint.timeout_seconds)
        self._taken = 0
        self._taking = threading.Lock()
        super().__init__(self._exporter, max_queue_size=QUEUE, max_export_batch_size=BATCH)

    def has_room(self) -> bool:
        """Whether a new trace may begin: the second half of the queue is for what belongs to those that did."""
        return self._taken - self._exporter.done < QUEUE // 2

    def on_end(self, span: ReadableSpan) -> None:
        """Take the span, or count it as failed when the queue is full."""
        with self._taking:
            refused = self._taken - self._exporter.done >= QUEUE
            self._taken += not refused
        if refused:
            emission.note_spans("failed", 1)
        else:
            super().on_end(span)
