"""The catalogue as live metrics: built once in a private registry, updated by events.

Every series of a closed label set exists from the start at 0, because the first sample of a new series is no increase
to Prometheus. Sets that only the running program knows are declared at start (`declare`).
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any

from telemetry import emission, tracing
from telemetry.catalogue import METRICS, Label
from telemetry.events.base import Event, Update
from telemetry.family import Family, Followers
from telemetry.snapshot import SNAPSHOT

Apply = Callable[[Event], None]
Number = Callable[[Event], float | None]


class Metrics:
    """All metrics of one process, and the sink that lets events update them."""

    def __init__(self, *, instance_id: str) -> None:
        from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, disable_created_metrics

        disable_created_metrics()  # type: ignore[no-untyped-call]  # published without a type
        self.instance_id = instance_id
        self.registry: Any = CollectorRegistry()
        self.families = {metric.name: Family(metric, self.registry) for metric in METRICS if metric.source == "process"}
        self._plans: dict[type[Event], tuple[Apply, ...]] = {}
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def record(self, event: Event) -> None:
        """Apply every update the event declares; the first failure is raised after all were tried."""
        kind = type(event)
        plan = self._plans.get(kind)
        if plan is None:
            plan = self._plans[kind] = tuple(self._compile(update) for update in kind.metrics)
        broken: Exception | None = None
        for apply in plan:
            try:
                apply(event)
            except Exception as error:  # noqa: BLE001 - one bad value must not cost the event its other metrics
                broken = broken or error
        if broken is not None:
            raise broken

    def declare(self, label: str, values: Iterable[str] | Followers) -> None:
        """Let `label` take these values in every metric that leaves its set open."""
        followers = values if isinstance(values, Mapping) else {value: {} for value in values}
        for family in self.families.values():
            if label in family.metric.label_names:
                family.declare(label, followers)

    def put(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge that no event describes."""
        family = self.families[name]
        if family.metric.kind not in {"gauge", "info"}:
            raise TypeError(f"{name} is a {family.metric.kind}; only gauges are put, the rest is updated by events.")
        family.series(tuple(labels[label] for label in family.metric.label_names)).set(value)

    def _compile(self, update: Update) -> Apply:
        family, number = self.families[update.metric.name], _number(update)
        if update.metric.kind == "state":
            labels = _labels(update)
            return lambda event: family.become(labels(event))
        find = _finder(family, update)
        if update.metric.kind == "counter":
            return lambda event: _count(find, number, event)
        if update.metric.kind == "histogram":
            return lambda event: _observe(find, number, event)
        return lambda event: _set(find, number, event)


def _count(find: Callable[[Event], Any], number: Number, event: Event) -> None:
    value = number(event)
    find(event).inc(1 if value is None else value)


def _observe(find: Callable[[Event], Any], number: Number, event: Event) -> None:
    if (value := number(event)) is not None:
        find(event).observe(value, tracing.exemplar())


def _set(find: Callable[[Event], Any], number: Number, event: Event) -> None:
    if (value := number(event)) is not None:
        find(event).set(value)


def _finder(family: Family, update: Update) -> Callable[[Event], Any]:
    """How to find the series; bound for good when no label depends on the event."""
    constants = [_constant(label, update) for label in update.metric.labels]
    if None not in constants:
        series = family.series(tuple(constants))
        return lambda _event: series
    labels = _labels(update)
    return lambda event: family.series(labels(event))


def _number(update: Update) -> Number:
    given = update.value
    if isinstance(given, str):
        return attrgetter(given)
    return lambda _event: given


def _labels(update: Update) -> Callable[[Event], tuple[object, ...]]:
    """How to read the label values off an event: constants, labels of one value, fields."""
    names = update.metric.label_names
    if len(names) > 1 and not any(_constant(label, update) for label in update.metric.labels):
        # One call for all of them: this is the usual case, and on the way of every request.
        return attrgetter(*names)
    sources = [_source(label, update) for label in update.metric.labels]
    return lambda event: tuple([source(event) for source in sources])


def _source(label: Label, update: Update) -> Callable[[Event], object]:
    constant = _constant(label, update)
    if constant is None:
        return attrgetter(label.name)
    return lambda _event: constant


def _constant(label: Label, update: Update) -> str | None:
    return update.constants.get(label.name) or (label.values[0] if len(label.values) == 1 else None)


_current: Metrics | None = None


def configure(*, instance_id: str, version: str) -> Metrics:
    """Build the metrics of this process and let events update them; those of an earlier call are dropped."""
    global _current  # noqa: PLW0603 - one process has one set of metrics
    reset()
    metrics = Metrics(instance_id=instance_id)
    metrics.put("supervisor_build_info", 1, version=version, python=platform.python_version())
    metrics.families["supervisor_role"].become(("PASSIVE",))
    metrics.families["supervisor_state"].become(("STARTING",))
    SNAPSHOT.begin()
    emission.attach("metrics", metrics.record)
    _current = metrics
    return metrics


def declare(label: str, values: Iterable[str] | Followers) -> None:
    """Make the values of an open label known; before `configure` it does nothing.

    `declare("child", names)`; with labels that follow: `declare("model", {"z-image": {"modality": "image"}})`.
    """
    if _current is not None:
        _current.declare(label, values)
        SNAPSHOT.declare(label, values)


def put(name: str, value: float, **labels: str) -> None:
    """Set a gauge that no event describes; before `configure` it does nothing."""
    if _current is not None:
        _current.put(name, value, **labels)


def gauge(name: str) -> float:
    """Return what a gauge without labels shows; 0 before `configure`."""
    if _current is None:
        return 0.0
    (sample,) = next(iter(_current.families[name].series(()).collect())).samples
    return float(sample.value)


def current() -> Metrics | None:
    """The metrics of this process, or None before `configure`."""
    return _current


def reset() -> None:
    """Forget the metrics of this process."""
    global _current  # noqa: PLW0603 - one process has one set of metrics
    if _current is not None:
        emission.detach(_current.record)
    _current = None
