"""Processes that stand still while the world goes on. Rows 8, 9, 22, 24 and 25 of the matrix.

Elsewhere: row 10, PID 1, is tests/process/supervisor/test_init.py; row 25 in one process is
tests/integration/supervisor/lock/test_keeper.py.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from supervisor.timing import PROFILES
from tests.chaos.arena import last
from tests.chaos.fleet import Fleet
from tests.process.app.fleet import until

FAST, STANDARD = PROFILES["fast"], PROFILES["standard"]
KILLED = -9
LATE = 1.5
FREEZER = Path("/sys/fs/cgroup/freezer")


def test_a_short_freeze_costs_no_term(fleet: Fleet) -> None:
    """Row 8, shorter than D: nobody takes over, and it goes on in the same term."""
    first, *_ = fleet.trio()
    for seconds in (0.3, FAST.soft - FAST.renew * 1.1 - 0.5):
        first.pause()
        fleet.keeps(1, seconds)
        first.resume()
        until(lambda: first.acting, fleet.story)
    assert fleet.epoch() == 1


def test_a_long_freeze_ends_the_process_while_it_is_stopped(fleet: Fleet) -> None:
    """Row 8, longer than H: killed before anyone may take over, and never woken."""
    first, *_ = fleet.trio()
    first.pause()
    paused = time.monotonic()
    assert first.process.wait(FAST.hard + LATE) == KILLED
    assert fleet.epoch() == 1
    fleet.wait_active(beyond=1)
    assert fleet.began(2) - paused < FAST.lease + FAST.watch + LATE
    fleet.keeps(2, 1.0)


@pytest.mark.chaos
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("seconds", "survives"), [(0.3, True), (3.0, True), (9.0, False), (60.0, False)])
def test_freezes_at_the_times_of_the_standard_profile(fleet: Fleet, seconds: float, survives: bool) -> None:
    """Row 8 with the times that run in production."""
    first, *_ = fleet.trio(profile="standard")
    first.pause()
    last(seconds)
    first.resume()
    if survives:
        until(lambda: first.acting, fleet.story)
        fleet.keeps(1, STANDARD.lease)
    else:
        assert first.wait() == KILLED
        fleet.wait_active(beyond=1)
        fleet.keeps(2, 1.0)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Freeze a process with everything in it, as `docker pause` does."""
    group = FREEZER / f"vigil-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as failure:
        # A container's own cgroups are often read-only, and nothing else freezes a process with its threads.
        pytest.skip(f"no cgroup may be made here: {failure}")
    try:
        (group / "cgroup.procs").write_text(str(pid), encoding="ascii")
        (group / "freezer.state").write_text("FROZEN", encoding="ascii")
        yield
    finally:
        (group / "freezer.state").write_text("THAWED", encoding="ascii")
        until(lambda: not (group / "cgroup.procs").read_text(encoding="ascii").strip(), "the group is empty")
        group.rmdir()


@pytest.mark.chaos
@pytest.mark.timeout(120)
def test_a_frozen_container_does_nothing_after_its_thaw(fleet: Fleet) -> None:
    """Row 9: frozen for twice the lease; thawed, it is dead before it executes anything."""
    first, *_ = fleet.trio()
    with frozen(first.process.pid):
        fleet.wait_active(beyond=1)
        last(FAST.lease)
        stamps = len(first.stamps())
    assert first.wait() == KILLED
    assert len(first.stamps()) == stamps


def test_a_writer_frozen_in_a_fenced_transaction_is_ended_and_no_other(unjudged: Fleet) -> None:
    """Row 22, without the kill timer: the claim waits two seconds, ends exactly that session, and nothing stale is kept."""
    fleet = unjudged
    (first,) = fleet.start("a", guarded=False, held_seconds=60.0)
    fleet.wait_active()
    # One standby: of two, the later one may wait for the row and for the fence, and give up its session meanwhile.
    fleet.start("b")
    writers = "SELECT pid FROM pg_stat_activity WHERE application_name = 'chaos writer' AND backend_xid IS NOT NULL"
    (writer,) = until(lambda: fleet.ask(writers), fleet.story)
    keepers = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'vigil keeper%' ORDER BY pid"
    others = [row["pid"] for row in fleet.ask(keepers)]
    paused = time.monotonic()
    first.pause()
    fleet.wait_active(beyond=1)
    assert fleet.began(2) - paused < FAST.lease + FAST.watch + 2 * 2.0 + LATE
    assert fleet.ask("SELECT FROM pg_stat_activity WHERE pid = $1::integer", writer["pid"]) == []
    assert [row["pid"] for row in fleet.ask(keepers)] == others
    first.resume()
    until(lambda: first.view()[0] == "PASSIVE", fleet.story)
    # Without the timer one effect may slip through between its check and its stamp; the database keeps none of it.
    assert [line for line in fleet.verdict().violations if "write" in line] == []
    assert fleet.epoch() == 2


@pytest.mark.chaos
@pytest.mark.timeout(120)
def test_a_main_loop_that_hangs_for_three_seconds_costs_no_term(fleet: Fleet) -> None:
    """Row 25: the heartbeat has a thread of its own."""
    first, *_ = fleet.trio()
    first.say("block", 3)
    fleet.keeps(1, FAST.lease + 1)
    until(lambda: first.acting, fleet.story)


@pytest.mark.chaos
@pytest.mark.timeout(240)
def test_a_main_loop_that_hangs_for_a_minute_is_fenced_and_killed(fleet: Fleet) -> None:
    """Row 25: without its tick nothing is renewed, and at H the kernel ends it, hanging as it is."""
    first, *_ = fleet.trio()
    said = time.monotonic()
    first.say("block", 60)
    assert first.process.wait(5.0 + FAST.hard + FAST.renew + LATE) == KILLED
    assert time.monotonic() - said > FAST.soft
    fleet.wait_active(beyond=1)


@pytest.mark.chaos
@pytest.mark.timeout(120)
@pytest.mark.parametrize("offset", [3600.0, -3600.0])
def test_a_wall_clock_that_is_an_hour_off_changes_nothing(fleet: Fleet, offset: float) -> None:
    """Row 24: neither holding nor claiming asks the wall clock of an instance."""
    (first,) = fleet.start("a", wall_clock_offset=offset)
    fleet.wait_active()
    second, _ = fleet.start("b", "c", wall_clock_offset=-offset)
    fleet.keeps(1, 2 * FAST.lease)
    first.kill()
    fleet.wait_active(FAST.lease, beyond=1)
    assert second.alive
