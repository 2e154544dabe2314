"""What outlives a process: totals read from the database, kept as one value and exported until it is too old.

The supervisor reads, every instance publishes, a scrape only looks: it never waits for a database. A snapshot older
than three intervals is left out, so that `absent()` fires instead of a frozen number looking healthy.

To add a family: its `Metric` in the catalogue with source "database", and a field here that names it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from telemetry.catalogue import BY_NAME, OTHER, Metric

AGE = "supervisor_db_snapshot_age_seconds"
STALE_INTERVALS = 3.0

Number = float | None
ByLabel = Mapping[str, float] | None


def _as(metric: str) -> dict[str, Metric]:
    return {"metric": BY_NAME[metric]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Totals of one moment; a field left None exports nothing.

    A mapping goes by the metric's one label with several values; values of a closed set that it lacks are 0.
    """

    interval_seconds: float = 10.0
    takeovers_window: ByLabel = field(default=None, metadata=_as("supervisor_lock_takeovers_window"))
    takeovers: ByLabel = field(default=None, metadata=_as("supervisor_lock_takeovers_db_total"))
    handovers: Number = field(default=None, metadata=_as("supervisor_lock_handovers_db_total"))
    heartbeat_age_seconds: Number = field(default=None, metadata=_as("supervisor_lock_heartbeat_age_seconds"))
    fencing_token: Number = field(default=None, metadata=_as("supervisor_lock_fencing_token"))
    lock_events: ByLabel = field(default=None, metadata=_as("supervisor_lock_events_db_total"))
    holders: Number = field(default=None, metadata=_as("supervisor_lock_holders"))
    last_takeover_at: Number = field(default=None, metadata=_as("supervisor_lock_last_takeover_timestamp_seconds"))
    clock_offset_seconds: Number = field(default=None, metadata=_as("supervisor_db_clock_offset_seconds"))
    inbox_depth: ByLabel = field(default=None, metadata=_as("bot_inbox_depth"))
    inbox_oldest_age_seconds: Number = field(default=None, metadata=_as("bot_inbox_oldest_age_seconds"))
    inbox_dead_letters: Number = field(default=None, metadata=_as("bot_inbox_dead_letters"))
    inbox_dead_letters_1h: Number = field(default=None, metadata=_as("bot_inbox_dead_letters_window"))
    outbox_depth: ByLabel = field(default=None, metadata=_as("bot_outbox_depth"))
    outbox_oldest_age_seconds: Number = field(default=None, metadata=_as("bot_outbox_oldest_age_seconds"))
    table_bytes: ByLabel = field(default=None, metadata=_as("supervisor_table_bytes"))
    table_dead_rows: ByLabel = field(default=None, metadata=_as("supervisor_table_dead_rows"))
    oldest_transaction_seconds: Number = field(default=None, metadata=_as("supervisor_db_oldest_transaction_seconds"))


class SnapshotCollector:
    """The latest snapshot as metric families."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._latest: tuple[float, Snapshot] | None = None

    def begin(self) -> None:
        """Forget what was published; until something is, the age counts from now."""
        self._since, self._latest = self._clock(), None

    def publish(self, snapshot: Snapshot) -> None:
        """Export this snapshot from now on; callable from any thread."""
        self._latest = (self._clock(), snapshot)

    def collect(self) -> Iterator[Any]:
        """The age, and the families of the latest snapshot unless it is too old."""
        latest = self._latest
        age = self._clock() - (latest[0] if latest else self._since)
        yield _family(BY_NAME[AGE], age)
        if latest is None or age > STALE_INTERVALS * latest[1].interval_seconds:
            return
        for entry in dataclasses.fields(latest[1]):
            value = getattr(latest[1], entry.name)
            if "metric" in entry.metadata and value is not None:
                yield _family(entry.metadata["metric"], value)


def _family(metric: Metric, value: float | Mapping[str, float]) -> Any:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    # No creation time for a counter: it is older than this process, and Prometheus would add its value at each start.
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.label_names)
    for key, number in _complete(metric, value).items():
        family.add_metric([label.values[0] if len(label.values) == 1 else key for label in metric.labels], number)
    return family


def _complete(metric: Metric, value: float | Mapping[str, float]) -> Mapping[str, float]:
    """The numbers by the value of the one label that has several: all of them, and the rest as `other`."""
    if not isinstance(value, Mapping):
        return {"": value}
    known = next(label.values for label in metric.labels if len(label.values) != 1)
    numbers = dict.fromkeys(known, 0.0) | {key: number for key, number in value.items() if key in known}
    rest = [number for key, number in value.items() if key not in known]
    return numbers | {OTHER: sum(rest)} if rest else numbers


SNAPSHOT = SnapshotCollector()


def publish(snapshot: Snapshot) -> None:
    """Export this snapshot from now on, until the next one or until it is too old."""
    SNAPSHOT.publish(snapshot)
