"""Metrics: complete from the start, closed, and moved by events alone."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry import emission, emit, events, expose, metrics
from telemetry.catalogue import BY_NAME, METRICS


def samples(name: str) -> dict[tuple[str, ...], float]:
    """Read what a scrape would show of this metric, by label values in the catalogue's order."""
    current = metrics.current()
    assert current is not None
    labels = BY_NAME[name].label_names
    return {
        tuple(sample.labels[label] for label in labels): sample.value
        for family in expose.Labelled(current).collect()
        for sample in family.samples
        if sample.name == name or (sample.name == f"{name}_count" and BY_NAME[name].kind == "histogram")
    }


def test_every_child_of_a_closed_set_exists_from_the_start_at_zero(live: metrics.Metrics) -> None:
    """The first sample of a new series is no increase to Prometheus, so 0 has to be seen first."""
    for metric in METRICS:
        if metric.source == "database" or metric.kind == "info":
            continue
        expected = 1
        for label in metric.labels:
            declared = {"child": 1, "model": 1}.get(label.name, 0)
            expected *= 1 if label.follows else len(label.values) or declared
        values = samples(metric.name)
        assert len(values) == expected, metric.name
        assert metric.kind == "state" or metric.source == "telemetry" or set(values.values()) == {0.0}, metric.name


def test_an_event_moves_every_metric_it_declares(live: metrics.Metrics) -> None:
    """Counter by its label, histogram by its field, gauge by its field."""
    emit(events.UpdateSettled(inbox_id=1, outcome="dead", handler_seconds=0.2, lag_seconds=3.0))
    emit(events.TermWon(epoch=7, reason="stale"))
    assert samples("bot_updates_processed_total") == {("done",): 0, ("failed",): 0, ("dead",): 1}
    assert samples("bot_update_lag_seconds") == {(): 1}
    assert samples("supervisor_epoch") == {(): 7}
    assert samples("supervisor_lock_held") == {("bot",): 1}
    assert samples("supervisor_lock_terms_total")["bot", "stale"] == 1


def test_an_unknown_label_value_counts_as_other(live: metrics.Metrics) -> None:
    """What comes from outside cannot make the number of series grow."""
    for number in range(100):
        emit(events.RequestRefused(route=f"/webhook/{number}", code=418, reason="teapot"))
    counts = samples("bot_webhook_requests_total")
    assert counts["other", "other"] == 100
    assert len(counts) == 3 * 8 + 1


def test_an_undeclared_child_counts_as_other_and_a_declared_one_as_itself(live: metrics.Metrics) -> None:
    """Open sets are closed by the program that knows them, at start."""
    for child in ("http", "surprise"):
        emit(events.ChildBackoff(child=child, reason="failed", delay_seconds=1.0, attempt=1))
    restarts = samples("supervisor_child_restarts_total")
    assert restarts["http", "failed"] == 1
    assert restarts["other", "failed"] == 1
    assert ("surprise", "failed") not in restarts


def test_declaring_again_adds_and_keeps_the_counts(live: metrics.Metrics) -> None:
    """A second list of children does not forget what the first one's did."""
    emit(events.ChildBackoff(child="http", reason="failed", delay_seconds=1.0, attempt=1))
    metrics.declare("child", ["telegram"])
    restarts = samples("supervisor_child_restarts_total")
    assert restarts["http", "failed"] == 1
    assert restarts["telegram", "failed"] == 0


def test_a_following_label_multiplies_nothing(live: metrics.Metrics) -> None:
    """A model has one modality, so 75 models give 75 × outcomes series and not four times as many."""
    metrics.declare("model", {"veo": {"modality": "video"}})
    pairs = {key[:2] for key in samples("bot_generations_total")}
    assert pairs == {("z-image", "image"), ("veo", "video")}


def test_a_state_has_one_current_value(live: metrics.Metrics) -> None:
    """Exactly one is 1, from the start on and after every change."""
    assert samples("supervisor_state")["STARTING",] == 1
    emit(events.RoleChanged(role="ACTIVE", state="ACTIVE", previous="CLAIMING"))
    emit(events.RoleChanged(role="ACTIVE", state="SUSPECT", previous="ACTIVE"))
    states = samples("supervisor_state")
    assert states["SUSPECT",] == 1
    assert sum(states.values()) == 1
    assert samples("supervisor_role") == {("ACTIVE",): 1, ("PASSIVE",): 0}


def test_a_missing_number_is_left_out(live: metrics.Metrics) -> None:
    """None means not measured, which is not 0."""
    emit(events.HeartbeatFailed(kind="timeout"))
    assert samples("supervisor_lock_heartbeat_duration_seconds") == {("bot",): 0}
    assert samples("supervisor_lock_heartbeats_total")["bot", "error"] == 1


def test_one_bad_value_costs_only_its_own_metric(live: metrics.Metrics) -> None:
    """A field of the wrong type breaks one histogram; the counter and the other histogram still move."""
    before = emission.failures()["metrics"]
    wrong: Any = "soon"
    emit(events.UpdateSettled(inbox_id=1, outcome="done", handler_seconds=wrong, lag_seconds=3.0))
    assert emission.failures()["metrics"] == before + 1
    assert samples("supervisor_telemetry_errors_total")["metrics",] == before + 1
    assert samples("bot_updates_processed_total")["done",] == 1
    assert samples("bot_update_lag_seconds") == {(): 1}


def test_only_gauges_are_put(live: metrics.Metrics) -> None:
    """Counters and histograms move by events, so that a log line and a metric cannot disagree."""
    metrics.put("supervisor_database_up", 1)
    assert samples("supervisor_database_up") == {(): 1}
    with pytest.raises(TypeError, match="updated by events"):
        metrics.put("bot_poll_conflicts_total", 1)


def test_a_gauge_can_be_read(live: metrics.Metrics) -> None:
    """The status page shows the number that a scrape shows; without metrics there is none."""
    emit(events.InboxPaced(running=3, held=9, waiting=1))
    assert metrics.gauge("bot_inbox_handlers_running") == 3
    metrics.reset()
    assert metrics.gauge("bot_inbox_handlers_running") == 0


def test_a_drained_worker_holds_nothing(live: metrics.Metrics) -> None:
    """An instance that does not work any more must not look as if it did."""
    emit(events.InboxPaced(running=3, held=9, waiting=1))
    emit(events.InboxDrained(handed_back=9))
    for name in ("bot_inbox_handlers_running", "bot_inbox_rows_held", "bot_inbox_lanes_waiting"):
        assert samples(name) == {(): 0}
    assert samples("bot_inbox_returned_total")["handed_back",] == 9


def test_configuring_again_starts_from_zero() -> None:
    """Two runs in one process (tests) do not add up, and an event counts once."""
    metrics.configure(instance_id="a", version="1")
    emit(events.PollConflict(reason="poller", found="x"))
    metrics.configure(instance_id="b", version="1")
    emit(events.PollConflict(reason="poller", found="x"))
    assert samples("bot_poll_conflicts_total")["poller",] == 1
    assert [name for name, _ in emission._sinks] == ["metrics"]


def test_every_metric_is_named_by_the_rules() -> None:
    """Prefix, base unit, `_total` for counters and only for them, buckets that ascend."""
    for metric in METRICS:
        assert metric.name.startswith(("supervisor_", "bot_"))
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert not metric.name.endswith(("_ms", "_milliseconds", "_minutes", "_kb")), metric.name
        assert list(metric.buckets) == sorted(set(metric.buckets))
        assert bool(metric.buckets) == (metric.kind == "histogram"), metric.name
        assert metric.help.endswith((".", "twice.")), metric.name
    assert len(BY_NAME) == len(METRICS)
