"""The catalogue and the events as the page docs/telemetry.md: `python -m telemetry.document > docs/telemetry.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby

from telemetry.catalogue import METRICS, Metric
from telemetry.events import REGISTRY, Event
from telemetry.events.base import field_names

_HEAD = """\
# Telemetry

Generated from `telemetry/catalogue/` and `telemetry/events/` by `python -m telemetry.document`; a test compares.

Code says what happened, `emit(events.TermWon(epoch=7, reason="free"))`; the log line, the metrics and the event on the
current span derive from it in one place. `telemetry/events/__init__.py` shows how to add one.

## Metrics

Every sample also carries `instance_id`. Labels are closed sets: an unknown value becomes `other`. Series of closed sets
exist from the start at 0. *Source* tells where the number lives: **process** metrics start at 0 with each process;
**database** metrics are read from the database by every instance, so query them with `max` or `min`, never `sum`, and
they disappear when the last reading is older than three intervals; **telemetry** metrics count telemetry itself.
The usual `process_*` and `python_gc_*` families come along.

| metric | kind | source | labels | meaning |
|---|---|---|---|---|
"""

_EVENTS = """
## Events

Log lines are JSON objects with `time`, `level`, `event`, `message`, `fields`, `instance_id`, and where they exist
`epoch`, `trace_id`, `span_id`. The message is constant; values are in `fields`. An event without a level updates
metrics only. A *quiet* event writes its first line at once and then one line with the total (`repeated`) per that
time. From ERROR on, an exception comes with its stack.
"""

_TRACES = """
## Traces

Off without an endpoint; `OTEL_EXPORTER_OTLP_ENDPOINT` (http/protobuf), `OTEL_EXPORTER_OTLP_HEADERS`,
`OTEL_TRACES_SAMPLER` with `OTEL_TRACES_SAMPLER_ARG`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_EXPORTER=none` and
`OTEL_SDK_DISABLED` mean what they always mean, but at most 100 kept traces begin in a second, whatever the share. A
trace is kept or dropped as a whole, a span that only links to its cause shares its fate, and `term`, `takeover`,
`handover` and `drain` are always kept. A `term` bears what the lock did in it as events; a `takeover` reaches from the
last heartbeat that was seen to the term won, a `handover` from the beginning of the drain to the lock given back. An
update is three traces, each linked to the one before: `send updates` is the request that stores it, `process updates`
its handling, `send message` each call to Telegram that its handler queued; their attributes are those of the messaging
conventions. Histograms carry the current trace as an exemplar when it is kept. At the end of the process what is left
is sent for at most 3 s, after the lock is released.
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(_metric_row(metric) for metric in METRICS) + _EVENTS + "".join(_areas()) + _TRACES


def _metric_row(metric: Metric) -> str:
    labels = "; ".join(f"`{label.name}`" + _values(label.values, label.follows) for label in metric.labels)
    buckets = f" Buckets: {', '.join(f'{bucket:g}' for bucket in metric.buckets)}." if metric.buckets else ""
    return f"| `{metric.name}` | {metric.kind} | {metric.source} | {labels or '–'} | {metric.help}{buckets} |\n"


def _values(values: tuple[str, ...], follows: str | None) -> str:
    if follows:
        return f" (of the {follows})"
    return f" ({', '.join(values)})" if values else " (declared at start)"


def _areas() -> Iterator[str]:
    ordered = sorted(REGISTRY.values(), key=lambda kind: kind.name.partition(".")[0])
    for area, kinds in groupby(ordered, key=lambda kind: kind.name.partition(".")[0]):
        yield f"\n### {area}\n\n| event | class | level | message | fields | updates |\n|---|---|---|---|---|---|\n"
        for kind in kinds:
            yield _event_row(kind)


def _event_row(kind: type[Event]) -> str:
    level = (kind.level or "–") + (f", quiet {kind.quiet_seconds:g} s" if kind.quiet_seconds else "")
    fields = ", ".join(f"`{name}`" for name in field_names(kind)) or "–"
    updates = ", ".join(dict.fromkeys(f"`{update.metric.name}`" for update in kind.metrics)) or "–"
    return f"| `{kind.name}` | `{kind.__name__}` | {level} | {kind.message} | {fields} | {updates} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
