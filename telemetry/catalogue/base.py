"""What a metric of the catalogue is: its name, kind, help, labels and buckets, and nothing of any library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OTHER = "other"
"""What an unknown label value becomes, so that no caller can make the number of series grow."""

Kind = Literal["counter", "gauge", "histogram", "state", "info"]
Source = Literal["process", "database", "telemetry"]


@dataclass(frozen=True, slots=True)
class Label:
    """One label and the values it may take.

    `values` is the closed set. A set that only the running program knows (its children, its models) is left empty and
    declared at start with `telemetry.metrics.declare`. A label that `follows` another has one value for each value of
    it (a model has one modality), so it multiplies nothing.
    """

    name: str
    values: tuple[str, ...] = ()
    follows: str | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """One family of series. `state` is a gauge that is 1 for the current value of its last label and 0 for the others.

    `process` metrics are updated by events. `database` metrics are read from the snapshot, so they outlive a process:
    query them with max or min, never sum. `telemetry` metrics are what telemetry counts about itself.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    source: Source = "process"

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the labels, in the order in which values are given."""
        return tuple(label.name for label in self.labels)
