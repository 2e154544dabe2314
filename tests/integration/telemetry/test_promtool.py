"""The exposition as Prometheus itself judges it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from telemetry import emit, events, expose, metrics, snapshot


@pytest.fixture(autouse=True)
def nothing_configured() -> Iterator[None]:
    """Leave no metrics behind."""
    yield
    metrics.reset()
    snapshot.SNAPSHOT.begin()


@pytest.mark.needs("promtool")
def test_promtool_finds_nothing_wrong_with_the_metrics() -> None:
    """Names, types, help texts and duplicates, with every family of the catalogue exposed."""
    metrics.configure(instance_id="test-1", version="1.2.3")
    metrics.declare("child", ["http", "telegram"])
    metrics.declare("model", {"z-image": {"modality": "image"}})
    snapshot.publish(
        snapshot.Snapshot(
            takeovers_window={"1h": 0, "24h": 1},
            takeovers={"stale": 1},
            handovers=3,
            heartbeat_age_seconds=0.4,
            fencing_token=4,
            lock_events={"takeover": 1, "handover": 3},
            holders=1,
            last_takeover_at=1_700_000_000.5,
            clock_offset_seconds=-0.002,
            inbox_depth={"ready": 2},
            inbox_oldest_age_seconds=0.1,
            inbox_dead_letters=0,
            inbox_dead_letters_1h=0,
            outbox_depth={"ready": 3, "sending": 1},
            outbox_oldest_age_seconds=0.2,
            table_bytes={"inbox": 8192, "outbox": 16384},
            table_dead_rows={"inbox": 12},
            oldest_transaction_seconds=0.5,
        )
    )
    emit(events.RequestRefused(route="webhook", code=418, reason="teapot"))
    ended = subprocess.run(
        ["promtool", "check", "metrics"],
        input=expose.render(None)[0],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert ended.stderr == b""
