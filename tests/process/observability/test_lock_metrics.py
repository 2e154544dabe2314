"""Every lock metric of the catalogue is moved by a real run: a term, a lost session, a standby, a takeover."""

from __future__ import annotations

import re

import asyncpg
import pytest

from telemetry.catalogue import METRICS
from tests.process.app.conftest import Launch
from tests.process.app.fleet import Instance, until
from tests.prometheus import get

OTHERS = {"supervisor_state", "supervisor_role", "supervisor_epoch", "supervisor_db_clock_offset_seconds"}
LOCK = {metric.name for metric in METRICS if metric.name.startswith("supervisor_lock_")} | OTHERS
END_SESSION = """
SELECT count(*) FILTER (WHERE pg_terminate_backend(a.pid))
  FROM pg_stat_activity a JOIN lock_heartbeat l ON l.backend_pid = a.pid AND l.state = 'held'
"""
SEEN_ELSEWHERE = {
    # Planned and unusual ends: a handover, a refused and a broken term have tests of their own.
    "supervisor_lock_handovers_db_total",
    "supervisor_lock_terms_lost_total",
}
pytestmark = pytest.mark.timeout(120)


def moved(instance: Instance) -> dict[str, float]:
    """Return the series of the lock that are not 0, by name and labels without the instance."""
    text = get(f"http://127.0.0.1:{instance.ops_port}/metrics") or ""
    found = {}
    for line in text.splitlines():
        series, _, value = line.rpartition(" ")
        if not line.startswith("#") and float(value):
            found[re.sub(r'instance_id="[^"]*",?', "", series).replace(",}", "}").removesuffix("{}")] = float(value)
    return found


def names(series: dict[str, float]) -> set[str]:
    """Return the names of the metrics that moved; a histogram by its count."""
    return {name.partition("{")[0].removesuffix("_count") for name in series}


async def test_every_metric_of_the_lock_moves_in_a_real_run(launch: Launch, database_url: str) -> None:
    """One that stays at 0 in all of this is a promise that nobody keeps."""
    first = launch("one")
    first.wait_role("ACTIVE")
    second = launch("two")
    second.wait_role("PASSIVE")
    connection = await asyncpg.connect(database_url, timeout=10, command_timeout=10)
    try:
        assert await connection.fetchval(END_SESSION) == 1
        suspended = "supervisor_lock_suspect_seconds_total"
        until(lambda: suspended in names(moved(first)), lambda: f"a suspension; moved: {sorted(moved(first))}")
        until(lambda: first.role() == "ACTIVE", "the same term goes on")
    finally:
        await connection.close(timeout=5)
    of_holder = moved(first)
    assert of_holder['supervisor_lock_held{lock="bot"}'] == 1
    assert of_holder["supervisor_epoch"] == 1
    assert of_holder['supervisor_lock_suspects_total{lock="bot"}'] >= 1
    assert of_holder['supervisor_lock_mode{lock="bot",mode="direct"}'] == 1
    assert of_holder['supervisor_lock_heartbeat_interval_seconds{lock="bot"}'] == 1
    assert of_holder['supervisor_lock_lease_seconds{lock="bot"}'] == 5
    assert 0 < of_holder['supervisor_lock_margin_seconds{lock="bot"}'] < 3.2

    first.kill()
    second.wait_role("ACTIVE", 45)
    window = 'supervisor_lock_takeovers_window{lock="bot",window="1h"}'
    until(lambda: moved(second).get(window) == 1, "the takeover is counted by the database")
    of_successor = moved(second)
    assert of_successor['supervisor_lock_fencing_token{lock="bot"}'] == 2
    assert of_successor['supervisor_lock_holders{lock="bot"}'] == 1
    assert of_successor['supervisor_state{state="ACTIVE"}'] == 1
    assert LOCK - names(of_holder) - names(of_successor) == SEEN_ELSEWHERE
