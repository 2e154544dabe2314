"""One metric of the catalogue as a live object, with its series bound once and kept."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from telemetry.catalogue import OTHER, Metric

Followers = Mapping[str, Mapping[str, str]]
"""Values of an open label, each with the values of the labels that follow it: `{"z-image": {"modality": "image"}}`."""


class Family:
    """A metric with all the series it can have at the moment.

    Label values outside the known sets count as `other`, so no caller can make the number of series grow.
    """

    __slots__ = ("_asked", "_known", "_object", "_series", "metric")

    def __init__(self, metric: Metric, registry: Any) -> None:
        self.metric = metric
        self._object = _library_object(metric, registry)
        self._known: tuple[set[str], ...] = tuple(set(label.values) for label in metric.labels)
        self._series: dict[tuple[str, ...], Any] = {}
        # The same by the values as they are asked for, numbers too; never for unknown ones, so that it stays as small.
        self._asked: dict[tuple[object, ...], Any] = {}
        self._fill({})

    def series(self, values: tuple[object, ...]) -> Any:
        """The series for these label values, in the order of the catalogue."""
        found = self._asked.get(values)
        return found if found is not None else self._bind(values)

    def declare(self, label: str, followers: Followers) -> None:
        """Let an open label take these values too, and create at 0 every series they make possible."""
        for known, values in zip(self.metric.labels, self._known, strict=True):
            if known.name == label and not known.values:
                values.update(followers)
        self._fill(followers)

    def become(self, values: tuple[object, ...]) -> None:
        """Make this series 1, and 0 every other that differs only in the last label."""
        current = self._key(values)
        self.series(current).set(1)
        for key, series in list(self._series.items()):
            if key[:-1] == current[:-1] and key != current:
                series.set(0)

    def _fill(self, followers: Followers) -> None:
        if self.metric.kind != "info":
            for values in self._combinations(followers):
                self._bind(values)

    def _combinations(self, followers: Followers) -> Iterator[tuple[str, ...]]:
        """Every combination of known values; a following label multiplies nothing."""
        labels = self.metric.labels
        leading = [label for label in labels if label.follows is None]
        sets = [sorted(known) for label, known in zip(labels, self._known, strict=True) if label.follows is None]
        for combination in itertools.product(*sets):
            given = {label.name: value for label, value in zip(leading, combination, strict=True)}
            for label in labels:
                if label.follows is not None:
                    given[label.name] = followers.get(given[label.follows], {}).get(label.name, "")
            if all(given.values()):
                yield tuple(given[label.name] for label in labels)

    def _key(self, values: tuple[object, ...]) -> tuple[str, ...]:
        texts = [value if isinstance(value, str) else str(value) for value in values]
        if self.metric.kind == "info":
            return tuple(texts)
        return tuple([text if text in known else OTHER for text, known in zip(texts, self._known, strict=True)])

    def _bind(self, values: tuple[object, ...]) -> Any:
        key = self._key(values)
        found = self._series.get(key)
        if found is None:
            found = self._series[key] = self._object.labels(*key) if key else self._object
        if OTHER not in key:
            self._asked[values] = found
        return found


def _library_object(metric: Metric, registry: Any) -> Any:
    from prometheus_client import Counter, Gauge, Histogram

    if metric.kind == "counter":
        return Counter(metric.name, metric.help, metric.label_names, registry=registry)
    if metric.kind == "histogram":
        return Histogram(metric.name, metric.help, metric.label_names, buckets=metric.buckets, registry=registry)
    return Gauge(metric.name, metric.help, metric.label_names, registry=registry)
