"""Snapshot: fresh or absent, never frozen."""

from __future__ import annotations

from telemetry.snapshot import AGE, Snapshot, SnapshotCollector

Families = dict[str, dict[tuple[str, ...], float]]


class Clock:
    """A clock that a test moves by hand."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def collected(collector: SnapshotCollector) -> Families:
    """Read what a scrape would show, by name and label values."""
    return {
        sample.name: {tuple(other.labels.values()): other.value for other in family.samples}
        for family in collector.collect()
        for sample in family.samples
    }


def test_a_snapshot_is_exported_under_the_names_of_the_catalogue() -> None:
    """Mappings go by the one label with several values, values of a closed set that are missing are 0."""
    collector = SnapshotCollector(Clock())
    collector.publish(Snapshot(takeovers={"stale": 2}, handovers=5, takeovers_window={"1h": 1, "24h": 2}))
    families = collected(collector)
    assert families["supervisor_lock_takeovers_db_total"] == {("bot", "stale"): 2, ("bot", "session_lost"): 0}
    assert families["supervisor_lock_handovers_db_total"] == {("bot",): 5}
    assert families["supervisor_lock_takeovers_window"] == {("bot", "1h"): 1, ("bot", "24h"): 2}
    assert "bot_inbox_depth" not in families


def test_a_value_outside_the_closed_set_is_summed_as_other() -> None:
    """A newer database may know a state that this build does not."""
    collector = SnapshotCollector(Clock())
    collector.publish(Snapshot(inbox_depth={"ready": 1, "parked": 2, "frozen": 3}))
    assert collected(collector)["bot_inbox_depth"] == {("ready",): 1, ("claimed",): 0, ("other",): 5}


def test_a_snapshot_older_than_three_intervals_disappears_and_only_its_age_stays() -> None:
    """`absent()` has to fire; a frozen takeover count would look healthy for ever."""
    clock = Clock()
    collector = SnapshotCollector(clock)
    collector.publish(Snapshot(interval_seconds=10.0, fencing_token=4))
    clock.now += 30.0
    assert collected(collector) == {"supervisor_lock_fencing_token": {("bot",): 4}, AGE: {(): 30.0}}
    clock.now += 0.1
    assert collected(collector).keys() == {AGE}
    collector.publish(Snapshot(fencing_token=4))
    assert collected(collector)[AGE] == {(): 0.0}
    assert "supervisor_lock_fencing_token" in collected(collector)


def test_without_any_snapshot_the_age_counts_from_the_start() -> None:
    """A reader that never worked is as stale as one that stopped working."""
    clock = Clock()
    collector = SnapshotCollector(clock)
    clock.now += 61.0
    assert collected(collector) == {AGE: {(): 61.0}}


def test_a_counter_from_the_database_has_no_creation_time() -> None:
    """It is older than the process; with the process's time Prometheus would add it up at each restart."""
    collector = SnapshotCollector(Clock())
    collector.publish(Snapshot(takeovers={"stale": 2}))
    names = {sample.name for family in collector.collect() for sample in family.samples}
    assert "supervisor_lock_takeovers_db_created" not in names


def test_a_mapping_by_tuples_has_the_series_that_there_are_and_no_others() -> None:
    """Models on sale times outcomes would be hundreds of zeros; a model that nobody declared is an other."""
    collector = SnapshotCollector(Clock())
    collector.declare("model", ["a"])
    collector.publish(
        Snapshot(
            generations_window={("a", "success", "1h"): 2, ("x", "late", "1h"): 1, ("y", "late", "1h"): 3},
            routed={},
            charged={("a",): 5},
        )
    )
    families = collected(collector)
    assert families["bot_model_generations_window"] == {("a", "success", "1h"): 2, ("other", "late", "1h"): 4}
    assert families["bot_generation_charged_credits_db_total"] == {("a",): 5}
    assert "bot_generations_routed_db_total" not in families
