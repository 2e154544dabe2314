"""kill -9 at the worst moments. Row 7 of the matrix; what a killed bot owes its users is tests/process/app/test_kill.py."""

from __future__ import annotations

import time
from typing import Any

import pytest

from supervisor.timing import PROFILES
from tests.chaos.fleet import Fleet
from tests.process.app.fleet import until

FAST = PROFILES["fast"]
HINTED = FAST.lease - 0.5
"""Sooner than the lease can run out: the beacon it was."""
LATE = 0.8
"""For a machine that does much else; bench/leadership.py measures the real figures."""


def writing(fleet: Fleet) -> bool:
    """Tell whether a writer is inside of a transaction that has written."""
    query = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'chaos writer' AND backend_xid IS NOT NULL"
    return bool(fleet.ask(query))


@pytest.mark.parametrize(
    ("setup", "bound"),
    [
        ({"write_seconds": 3600.0}, 1.5 + LATE),
        ({"held_seconds": 60.0}, 1.5 + LATE),
        # The server looks after its client every two seconds while it works for it.
        ({"held_seconds": 60.0, "held_in_server": True}, HINTED),
    ],
    ids=["idle", "mid-transaction", "mid-query"],
)
def test_a_killed_active_is_replaced_long_before_its_lease_ends(
    fleet: Fleet, setup: dict[str, Any], bound: float
) -> None:
    """Row 7: its session's end is seen; an open transaction is rolled back and holds nobody up."""
    (first,) = fleet.start("a", **setup)
    fleet.wait_active()
    fleet.start("b", "c")
    if "held_seconds" in setup:
        until(lambda: writing(fleet), fleet.story)
    pid, killed = first.process.pid, time.monotonic()
    first.kill()
    fleet.wait_active(beyond=1)
    assert fleet.began(2) - killed < bound
    assert fleet.events() == ["1 first free", "2 takeover session_lost"]
    if "held_seconds" in setup:
        assert fleet.ask("SELECT FROM chaos_write WHERE pid = $1::integer", pid) == []
