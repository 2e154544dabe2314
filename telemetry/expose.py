"""The exposition of all metrics: Prometheus text, or OpenMetrics with exemplars, by negotiation.

`render` takes milliseconds for a thousand series, so call it off the loop: `anyio.to_thread.run_sync(render, accept)`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from telemetry import emission
from telemetry import metrics as live
from telemetry.catalogue import BY_NAME
from telemetry.snapshot import SNAPSHOT


class Labelled:
    """Every family of this process, with the constant label `instance_id` on every sample.

    Behind one address, the label is what keeps the counters of two instances apart.
    """

    def __init__(self, metrics: live.Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Any]:
        """The families of the registry, of the snapshot and of telemetry itself."""
        from prometheus_client import Metric

        constant = {"instance_id": self._metrics.instance_id}
        for source in (self._metrics.registry.collect(), SNAPSHOT.collect(), _own()):
            for family in source:
                labelled = Metric(family.name, family.documentation, family.type)
                labelled.samples = [sample._replace(labels={**constant, **sample.labels}) for sample in family.samples]
                yield labelled
                # Lets the event loop have the interpreter between two families; without it a scrape stalls the loop.
                time.sleep(0)


def _own() -> Iterator[Any]:
    """What telemetry counts about itself: in plain numbers, so that a broken metric cannot hide that it is broken."""
    yield _counter("supervisor_telemetry_errors_total", emission.failures())
    yield _counter("supervisor_log_lines_total", emission.lines())
    yield _counter("supervisor_spans_total", emission.spans())


def _counter(name: str, numbers: Mapping[Any, int]) -> Any:
    from prometheus_client.core import CounterMetricFamily

    metric = BY_NAME[name]
    family = CounterMetricFamily(metric.name, metric.help, labels=metric.label_names)
    for value in metric.labels[0].values:
        family.add_metric([value], numbers.get(value, 0))
    return family


def render(accept: str | None = None) -> tuple[bytes, str]:
    """The metrics and their content type; empty before `telemetry.metrics.configure`."""
    from prometheus_client.exposition import choose_encoder

    encode, content_type = choose_encoder(accept or "")
    metrics = live.current()
    return (encode(Labelled(metrics)) if metrics is not None else b""), content_type
