"""Instances behind a real PgBouncer. Row 21 of the matrix."""

from __future__ import annotations

import time

import pytest

from supervisor.timing import PROFILES
from tests.chaos.fleet import Fleet
from tests.pgbouncer import Mode, pooling
from tests.process.app.fleet import until

FAST = PROFILES["fast"]
LATE = 1.5


@pytest.mark.needs("pgbouncer")
@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_behind_a_pooler_one_acts_and_the_lease_alone_decides(fleet: Fleet, mode: Mode) -> None:
    """Row 21: pooled and direct contend for one lock; a pooled ACTIVE that dies is replaced when its lease ends."""
    with pooling(fleet.arena.server, fleet.url, mode) as pooled:
        (first,) = fleet.start("pooled", control_url=pooled)
        fleet.wait_active()
        fleet.start("direct")
        fleet.start("waiting", control_url=pooled)
        assert fleet.ask("SELECT beacon FROM lock_heartbeat")[0]["beacon"] is False
        assert fleet.ask("SELECT FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'") == []
        fleet.keeps(1, FAST.watch + FAST.grace)
        killed = time.monotonic()
        first.kill()
        fleet.wait_active(beyond=1)
        assert FAST.lease - FAST.renew - 0.3 < fleet.began(2) - killed < FAST.lease + FAST.watch + LATE
        assert fleet.events()[-1] == "2 takeover stale"


@pytest.mark.chaos
@pytest.mark.timeout(120)
@pytest.mark.needs("pgbouncer")
def test_a_pooler_that_hands_out_other_sessions_makes_no_second_active(fleet: Fleet) -> None:
    """Row 21, crowded: fewer server sessions than instances; deploys follow each other, and the look finds each release."""
    with pooling(fleet.arena.server, fleet.url, "transaction", size=2) as pooled:
        fleet.start("a", "b", "c", control_url=pooled)
        for epoch in range(1, 6):
            active = fleet.wait_active(beyond=epoch - 1)
            active.terminate()
            assert active.wait() == 0
            fleet.wait_active(FAST.watch + LATE, beyond=epoch)
            assert fleet.began(epoch + 1) - fleet.ended(epoch) < FAST.watch + LATE
            fleet.start(active.name, control_url=pooled)


def test_a_direct_connection_is_found_to_be_one(fleet: Fleet) -> None:
    """Row 21's other half: without a pooler the beacon is there, on the holder's own session."""
    fleet.start("a")
    fleet.wait_active()
    until(lambda: fleet.ask("SELECT beacon FROM lock_heartbeat")[0]["beacon"], fleet.story)
    held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted"
    assert fleet.ask(held) == fleet.ask("SELECT backend_pid AS pid FROM lock_heartbeat")
