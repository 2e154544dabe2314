"""What outlives a process: totals read from the database, kept as one value and exported until it is too old.

The supervisor reads, every instance publishes, a scrape only looks: it never waits for a database. A snapshot older
than three intervals is left out, so that `absent()` fires instead of a frozen number looking healthy.

To add a family: its `Metric` in the catalogue with source "database", and a field here that names it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from telemetry.catalogue import BY_NAME, OTHER, Metric

AGE = "supervisor_db_snapshot_age_seconds"
STALE_INTERVALS = 3.0

Number = float | None
ByLabel = Mapping[str, float] | None
ByLabels = Mapping[tuple[str, ...], float] | None
Declared = Mapping[str, frozenset[str]]


def _as(metric: str) -> dict[str, Metric]:
    return {"metric": BY_NAME[metric]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Totals of one moment; a field left None exports nothing.

    A mapping goes by the metric's one label with several values; values of a closed set that it lacks are 0. A mapping
    by tuples names all labels in their order and has the series that there are, no others.
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
    ledger_posts: ByLabel = field(default=None, metadata=_as("bot_ledger_posts_db_total"))
    ledger_credits: ByLabel = field(default=None, metadata=_as("bot_ledger_credits_db_total"))
    ledger_holds: ByLabel = field(default=None, metadata=_as("bot_ledger_holds"))
    ledger_drift_credits: Number = field(default=None, metadata=_as("bot_ledger_drift_credits"))
    ledger_negative_balances: Number = field(default=None, metadata=_as("bot_ledger_negative_balances"))
    ledger_audited_at: Number = field(default=None, metadata=_as("bot_ledger_audited_timestamp_seconds"))
    generations_window: ByLabels = field(default=None, metadata=_as("bot_model_generations_window"))
    charged_window: ByLabels = field(default=None, metadata=_as("bot_model_charged_credits_window"))
    cost_window: ByLabels = field(default=None, metadata=_as("bot_model_cost_usd_window"))
    given_cost_window: ByLabels = field(default=None, metadata=_as("bot_model_given_cost_usd_window"))
    margin_window: ByLabels = field(default=None, metadata=_as("bot_model_margin_usd_window"))
    cost_per_success_window: ByLabels = field(default=None, metadata=_as("bot_model_cost_per_success_usd_window"))
    seconds_per_success_window: ByLabels = field(default=None, metadata=_as("bot_model_seconds_per_success_window"))
    charged: ByLabels = field(default=None, metadata=_as("bot_generation_charged_credits_db_total"))
    cost: ByLabels = field(default=None, metadata=_as("bot_generation_cost_db_usd_total"))
    routed: ByLabels = field(default=None, metadata=_as("bot_generations_routed_db_total"))
    generations_open: ByLabel = field(default=None, metadata=_as("bot_generations_open"))
    generation_oldest_open_seconds: ByLabels = field(default=None, metadata=_as("bot_generation_oldest_open_seconds"))
    generation_overdue_seconds: Number = field(default=None, metadata=_as("bot_generation_overdue_seconds"))
    balance_credits: Number = field(default=None, metadata=_as("bot_provider_balance_credits"))
    selling_stopped: ByLabel = field(default=None, metadata=_as("bot_selling_stopped"))


class SnapshotCollector:
    """The latest snapshot as metric families."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._latest: tuple[float, Snapshot] | None = None
        self._declared: dict[str, frozenset[str]] = {}

    def begin(self) -> None:
        """Forget what was published; until something is, the age counts from now."""
        self._since, self._latest = self._clock(), None

    def declare(self, label: str, values: Iterable[str]) -> None:
        """Let an open label take these values; others are summed as `other`."""
        self._declared[label] = frozenset(values)

    def publish(self, snapshot: Snapshot) -> None:
        """Export this snapshot from now on; callable from any thread."""
        self._latest = (self._clock(), snapshot)

    def collect(self) -> Iterator[Any]:
        """The age, and the families of the latest snapshot unless it is too old."""
        latest = self._latest
        age = self._clock() - (latest[0] if latest else self._since)
        yield _family(BY_NAME[AGE], age, self._declared)
        if latest is None or age > STALE_INTERVALS * latest[1].interval_seconds:
            return
        for entry in dataclasses.fields(latest[1]):
            value = getattr(latest[1], entry.name)
            if "metric" in entry.metadata and value is not None:
                yield _family(entry.metadata["metric"], value, self._declared)


def _family(
    metric: Metric, value: float | Mapping[str, float] | Mapping[tuple[str, ...], float], declared: Declared
) -> Any:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    # No creation time for a counter: it is older than this process, and Prometheus would add its value at each start.
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.label_names)
    for key, number in _series(metric, value, declared).items():
        family.add_metric(list(key), number)
    return family


def _series(metric: Metric, value: Any, declared: Declared) -> Mapping[tuple[str, ...], float]:
    """The numbers by all labels, within the known sets."""
    several = [label for label in metric.labels if len(label.values) != 1]
    if isinstance(value, Mapping) and (len(several) > 1 or not all(label.values for label in several)):
        return _summed(metric, value, declared)
    numbers = _complete(metric, value)
    return {
        tuple(label.values[0] if len(label.values) == 1 else key for label in metric.labels): number
        for key, number in numbers.items()
    }


def _summed(
    metric: Metric, value: Mapping[tuple[str, ...], float], declared: Declared
) -> Mapping[tuple[str, ...], float]:
    """The numbers with unknown label values put together as `other`."""
    numbers: dict[tuple[str, ...], float] = {}
    sets = [frozenset(label.values) or declared.get(label.name, frozenset()) for label in metric.labels]
    for key, number in value.items():
        known = tuple(part if part in values else OTHER for part, values in zip(key, sets, strict=True))
        numbers[known] = numbers.get(known, 0.0) + number
    return numbers


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
