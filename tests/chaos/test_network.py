"""Links that fail in every way. Rows 11-14, 21 and 26 of the matrix."""

from __future__ import annotations

import time

import pytest

from supervisor.timing import PROFILES
from tests.chaos.arena import last
from tests.chaos.fleet import Fleet
from tests.chaos.member import Member
from tests.process.app.fleet import until

FAST, STANDARD = PROFILES["fast"], PROFILES["standard"]
LATE = 1.5


def silent_since(fleet: Fleet, instance: Member, moment: float, within: float) -> None:
    """Wait until an instance lets nothing more pass; its last effect was in time."""
    until(lambda: time.monotonic() - moment > within and not instance.acting, fleet.story)
    assert max(stamp.at for stamp in instance.stamps()) / 1e9 - moment < within


def test_an_active_that_is_cut_off_is_silent_before_another_acts(fleet: Fleet) -> None:
    """Row 11, fast: the link is dead, nobody is told; it stops by itself, and the standby waits for the lease."""
    first, *_ = fleet.trio()
    first.link.blackhole()
    cut = time.monotonic()
    silent_since(fleet, first, cut, FAST.soft + 0.5)
    fleet.wait_active(beyond=1)
    assert fleet.began(2) - cut > FAST.hard
    assert fleet.began(2) - cut < FAST.lease + FAST.watch + LATE
    assert fleet.events()[-1] == "2 takeover stale"


def test_renews_that_arrive_and_are_never_answered_buy_no_time(fleet: Fleet) -> None:
    """Row 12: the row is fresh in the database, its holder does not know it, and lets nothing pass from then on."""
    first, *_ = fleet.trio()
    first.link.lose_replies()
    cut = time.monotonic()
    silent_since(fleet, first, cut, FAST.soft + 0.5)
    fleet.wait_active(beyond=1)
    assert fleet.began(2) > fleet.ended(1)


@pytest.mark.chaos
@pytest.mark.timeout(240)
@pytest.mark.parametrize("seconds", [12.0, 60.0])
def test_what_a_healed_link_delivers_late_changes_nothing(fleet: Fleet, seconds: float) -> None:
    """Row 13: renews and writes that were on their way arrive in another's term: no row, or VG001."""
    (first,) = fleet.start("a", through_link=True)
    fleet.wait_active()
    fleet.start("b", "c")
    first.link.lose_requests()
    fleet.wait_active(beyond=1)
    last(seconds - FAST.lease)
    lease = fleet.ask("SELECT epoch, instance_id FROM lock_heartbeat")[0]
    first.link.heal()
    fleet.keeps(2, 3.0)
    assert fleet.ask("SELECT epoch, instance_id FROM lock_heartbeat")[0] == lease


@pytest.mark.chaos
@pytest.mark.timeout(240)
def test_a_slow_link_costs_no_term(fleet: Fleet) -> None:
    """Row 14: every answer takes 1.1 s ± 0.3, the longest just inside of T, on the standard profile."""
    first, *_ = fleet.trio(profile="standard")
    first.link.delay(1.1, jitter=0.3)
    fleet.keeps(1, 60.0)
    assert first.acting


def test_a_link_that_is_reset_costs_no_term(fleet: Fleet) -> None:
    """Row 19's relative: the session ends with a reset on both sides, and is back before anyone may take over."""
    first, *_ = fleet.trio()
    for _ in range(3):
        first.link.reset()
        fleet.keeps(1, FAST.grace)
    until(lambda: first.acting, fleet.story)


@pytest.mark.chaos
@pytest.mark.timeout(120)
def test_a_session_that_only_the_server_knows_to_be_dead_lets_no_stale_write_through(unjudged: Fleet) -> None:
    """Outside of S3's premise: two may act for a moment, and the fence alone keeps what they write apart."""
    first, *_ = unjudged.trio()
    first.link.half_open()
    unjudged.wait_active(beyond=1)
    unjudged.keeps(2, 2.0)
    assert [line for line in unjudged.verdict().violations if "write" in line] == []


def test_a_claim_whose_answer_is_lost_is_found_in_the_row(fleet: Fleet) -> None:
    """Row 26: committed and never heard of; whoever asked looks again, finds itself there, and begins a new term."""
    (first,) = fleet.start("a")
    fleet.wait_active()
    first.terminate()
    assert first.wait() == 0
    with fleet.arena.locking(fleet.url, "SELECT FROM lock_heartbeat FOR UPDATE"):
        (second,) = fleet.start("b")
        until(lambda: second.view()[0] == "CLAIMING" and fleet.waiting(), fleet.story)
        second.link.lose_replies()
    until(lambda: fleet.epoch() == 2, fleet.story)
    fleet.start("c")
    until(lambda: second.view()[1] == "database", fleet.story)
    second.link.heal()
    assert fleet.wait_active(beyond=2) is second
    assert fleet.events()[-1] == "3 reclaim self"
