"""A database that goes away, comes back, forgets, or is busy. Rows 15-17, 19, 20, 23, 30, 31 and 34 of the matrix.

Elsewhere: the short forms of 15, 16 and 19 in one process are tests/integration/supervisor/lock/test_outages.py; a
database of another bot (34, the same database) is test_broken_database.py there.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from supervisor.timing import PROFILES
from tests.chaos.arena import Arena, How, last
from tests.chaos.conftest import TEMPLATE
from tests.chaos.fleet import Fleet
from tests.process.app.fleet import until

FAST, STANDARD = PROFILES["fast"], PROFILES["standard"]
LATE = 1.5
BEAT = "SELECT beat, expires_at < clock_timestamp() AS expired FROM lock_heartbeat"


def fresh_beat(fleet: Fleet) -> None:
    """Return right after a heartbeat, so that the whole of D is left."""
    beat = fleet.ask(BEAT)[0]["beat"]
    until(lambda: fleet.ask(BEAT)[0]["beat"] != beat, fleet.story)


def restarted(fleet: Fleet, how: How, times: int) -> None:
    """Restart the server again and again; it costs no term."""
    first, *_ = fleet.trio()
    for _ in range(times):
        fresh_beat(fleet)
        fleet.arena.restart(how)
        until(lambda: first.acting, fleet.story)
        assert fleet.epoch() == 1, fleet.events()


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_restarts_cost_no_term(fleet: Fleet, how: How) -> None:
    """Row 15, three times each."""
    restarted(fleet, how, 3)


@pytest.mark.chaos
@pytest.mark.timeout(240)
@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_ten_restarts_cost_no_term(fleet: Fleet, how: How) -> None:
    """Row 15."""
    restarted(fleet, how, 10)


def out_of_reach(fleet: Fleet, seconds: float, profile: str) -> float:
    """Stop the server for so long; return when it was back."""
    fleet.trio(profile=profile)
    fresh_beat(fleet)
    began = time.monotonic()
    fleet.arena.down()
    last(seconds - (time.monotonic() - began))
    fleet.arena.up()
    return time.monotonic()


def test_an_outage_longer_than_the_soft_deadline_ends_the_term_and_one_comes_back_at_once(fleet: Fleet) -> None:
    """Row 16, fast: silent at D, nobody killed, and the former holder reclaims within a second of the return."""
    back = out_of_reach(fleet, FAST.lease, "fast")
    fleet.wait_active(beyond=1)
    assert fleet.began(2) - back < 1.0 + LATE
    assert all(instance.alive for instance in fleet.instances.values())
    assert "2 reclaim self" in fleet.events()


@pytest.mark.chaos
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("seconds", "epochs"), [(5.0, 0), (12.0, 1), (120.0, 1)])
def test_outages_at_the_times_of_the_standard_profile(fleet: Fleet, seconds: float, epochs: int) -> None:
    """Row 16: five seconds cost no term, twelve and a hundred and twenty cost one."""
    back = out_of_reach(fleet, seconds, "standard")
    fleet.wait_active(beyond=epochs)
    assert fleet.began(1 + epochs) - back < 1.0 + LATE
    fleet.keeps(1 + epochs, STANDARD.lease)


def test_a_crash_that_loses_beats_lets_nobody_claim_early(fleet: Fleet) -> None:
    """Row 17: beats that the holder was told of are gone; a standby that comes back waits the whole lease again."""
    first, second = *fleet.start("a", write_seconds=3600.0), *fleet.start("b")
    fleet.wait_active()
    writer = fleet.arena.ask(
        fleet.arena.server.admin_url, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"
    )[0]["pid"]
    # What is not flushed by now and by nobody else is lost.
    os.kill(writer, signal.SIGSTOP)
    try:
        fresh_beat(fleet)
        last(FAST.watch)
        fleet.ask("CREATE TABLE chaos_flushed ()")
        kept = fleet.ask(BEAT)[0]["beat"]
        second.link.blackhole()
        last(FAST.lease)
        assert fleet.ask(BEAT)[0]["beat"] > kept
        first.link.blackhole()
    finally:
        os.kill(writer, signal.SIGKILL)
    row = until(lambda: _beat(fleet), fleet.story)
    assert (row["beat"], row["expired"]) == (kept, True), "the crash has lost no beats, so this shows nothing"
    second.link.heal()
    healed = time.monotonic()
    fleet.wait_active(beyond=1)
    assert fleet.began(2) - healed > FAST.lease - 0.1


def test_a_restart_while_the_active_is_cut_off_hints_at_nothing(fleet: Fleet) -> None:
    """R7: a restart frees every beacon; a standby that never saw it held on its new session waits for the lease."""
    first, *_ = fleet.trio()
    fresh_beat(fleet)
    first.link.blackhole()
    fleet.arena.restart("immediate")
    back = time.monotonic()
    fleet.wait_active(beyond=1)
    assert fleet.began(2) - back > FAST.lease - 0.5
    assert fleet.events()[-1] == "2 takeover stale"


def _beat(fleet: Fleet) -> dict[str, object] | None:
    """Return the lease's beat, or None while the server recovers."""
    try:
        return dict(fleet.ask(BEAT)[0])
    except Exception:  # noqa: BLE001 - whatever a recovering server answers
        return None


def sessions_cut(fleet: Fleet, every: float, times: int) -> None:
    """Cut the holder's control session again and again; it costs no term."""
    first, *_ = fleet.trio()
    for _ in range(times):
        fleet.ask("SELECT pg_terminate_backend(backend_pid) FROM lock_heartbeat")
        fleet.keeps(1, every)
    # Long enough between two beats for a beacon that nobody has taken again to be believed.
    fleet.keeps(1, 2 * FAST.renew + FAST.grace)
    until(lambda: first.acting, fleet.story)
    assert "SUSPECT" in {state for state, _, _ in first.views()}


def test_cut_sessions_cost_no_term(fleet: Fleet) -> None:
    """Row 19, fast: every 0.7 s, six times."""
    sessions_cut(fleet, 0.7, 6)


@pytest.mark.chaos
@pytest.mark.timeout(120)
def test_a_minute_of_cut_sessions_costs_no_term(fleet: Fleet) -> None:
    """Row 19: every 5 s for a minute."""
    sessions_cut(fleet, 5.0, 12)


@pytest.mark.chaos
@pytest.mark.timeout(120)
def test_a_server_that_ends_idle_sessions_spares_the_control_session(fleet: Fleet) -> None:
    """Row 20: `idle_session_timeout` for everyone; a healthy holder is idle most of the time."""
    name = fleet.ask("SELECT current_database() AS name")[0]["name"]
    fleet.arena.server.admin(f"ALTER DATABASE {name} SET idle_session_timeout = '1s'")
    first, *_ = fleet.trio(profile="standard", write_seconds=0.1)
    pid = fleet.ask("SELECT backend_pid FROM lock_heartbeat")[0]["backend_pid"]
    fleet.keeps(1, STANDARD.lease)
    assert fleet.ask("SELECT backend_pid FROM lock_heartbeat")[0]["backend_pid"] == pid
    assert first.acting


@pytest.mark.chaos
@pytest.mark.timeout(120)
@pytest.mark.parametrize("shift", ["-1 hour", "1 hour"])
def test_a_database_clock_that_jumps_causes_no_takeover(fleet: Fleet, shift: str) -> None:
    """Row 23, by hand: what a renew writes is shifted by an hour, so that the lease always, or never, looks expired.

    Not shifted is the beat of the claim itself: a claim that leaves an expired lease would be refused for that.
    """
    first, *_ = fleet.trio()
    fleet.ask(
        f"CREATE FUNCTION shifted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"NEW.expires_at := NEW.expires_at + interval '{shift}'; "
        f"NEW.renewed_at := NEW.renewed_at + interval '{shift}'; RETURN NEW; END $$;"
        "CREATE TRIGGER shifted BEFORE UPDATE ON lock_heartbeat FOR EACH ROW WHEN (NEW.beat > 1) EXECUTE FUNCTION shifted();"
    )
    fleet.keeps(1, 3 * FAST.lease)
    assert first.acting


@pytest.mark.chaos
@pytest.mark.timeout(120)
def test_an_index_is_built_concurrently_while_standbys_wait(fleet: Fleet) -> None:
    """Row 30: nobody blocks in a lock function, so the build waits for nobody and no snapshot is pinned."""
    fleet.trio()
    for number in range(5):
        began = time.monotonic()
        fleet.ask(f"CREATE INDEX CONCURRENTLY chaos_{number} ON chaos_write (epoch)")
        assert time.monotonic() - began < FAST.lease
    pinned = "SELECT FROM pg_stat_activity WHERE application_name LIKE 'vigil keeper%' AND backend_xmin IS NOT NULL"
    until(lambda: not fleet.ask(pinned), fleet.story, 1.0)


@pytest.mark.chaos
@pytest.mark.timeout(120)
def test_without_a_free_connection_the_active_keeps_its_session(fleet: Fleet) -> None:
    """Row 31: standbys that are refused come back by themselves, and slowly; the holder needs no new connection."""
    first, second, third = fleet.trio()
    with fleet.arena.every_connection_taken(fleet.url):
        for standby in (second, third):
            standby.link.reset()
        until(lambda: {second.view()[1], third.view()[1]} == {"database"}, fleet.story)
        shown = len(second.output())
        last(2 * FAST.lease)
        assert first.acting
        assert len(second.output()) - shown < 100_000
    until(lambda: {second.view()[1], third.view()[1]} == {"waiting"}, fleet.story)
    assert fleet.epoch() == 1


@pytest.mark.chaos
@pytest.mark.timeout(120)
def test_two_bots_on_one_server_are_independent(arena: Arena, fleet: Fleet, home: Path) -> None:
    """Row 34: one loses its ACTIVE, the other does not notice."""
    folder = home / "other"
    folder.mkdir()
    with arena.server.database(TEMPLATE) as url, Fleet(arena, url, folder).running() as other:
        ours, *_ = fleet.trio()
        theirs, *_ = other.trio()
        theirs.kill()
        other.wait_active(beyond=1)
        assert ours.acting
        assert (fleet.epoch(), other.epoch()) == (1, 2)
        assert other.verdict().violations == ()
