"""The standby's rules, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.election import Claim, Observation, Patience, Sighting, Wait, decide, extra_wait, observe, takeover

LEASE, GRACE, WATCH = 10.0, 0.75, 0.5
PATIENCE = Patience(LEASE, GRACE, WATCH)
HELD = Sighting(epoch=4, beat=9, holder="other", expires_in=8.0, renewed_ago=2.0)


def decided(seen: Observation, now: float, *, work_ended: bool = True) -> Wait | Claim:
    """Decide as the instance `me`."""
    return decide(seen, now=now, instance_id="me", work_ended=work_ended, patience=PATIENCE)


def test_a_free_lease_is_claimed_at_once() -> None:
    """Nobody holds it: no clock is asked."""
    assert decided(Observation(replace(HELD, holder=None), 100.0), 100.0) == Claim("free", 4, 9)


def test_our_own_lease_is_reclaimed_at_once() -> None:
    """Nobody can have taken over in between without a new name in the row."""
    assert decided(Observation(replace(HELD, holder="me"), 100.0), 100.0) == Claim("self", 4, 9)


@pytest.mark.parametrize("holder", [None, "me", "other"])
def test_nothing_is_claimed_while_old_work_runs(holder: str | None) -> None:
    """However good the reason is: two terms of one process must not overlap either."""
    seen = Observation(replace(HELD, holder=holder, expires_in=-99.0), 0.0)
    assert decided(seen, 100.0, work_ended=False) == Wait(WATCH)


def test_a_silent_lease_is_claimed_when_both_clocks_agree() -> None:
    """Seen unchanged for L on ours, expired on the database's."""
    assert decided(Observation(replace(HELD, expires_in=-0.1), 100.0), 110.0) == Claim("stale", 4, 9)


def test_our_clock_alone_takes_nothing_over() -> None:
    """A jump of ours, or a database that has not heard the beat expire."""
    assert decided(Observation(replace(HELD, expires_in=0.25), 100.0), 500.0) == Wait(0.25)


def test_the_databases_clock_alone_takes_nothing_over() -> None:
    """An hour's jump of the database's clock expires the lease, not our patience."""
    assert decided(Observation(replace(HELD, expires_in=-3600.0), 100.0), 109.875) == Wait(0.125)


def test_the_wait_ends_when_a_claim_becomes_possible() -> None:
    """Looking every half second, except for the last one."""
    assert decided(Observation(HELD, 100.0), 100.0) == Wait(WATCH)
    assert decided(Observation(replace(HELD, expires_in=-1.0), 100.0), 109.75) == Wait(0.25)


def test_the_wait_is_never_so_short_that_it_spins() -> None:
    """A rounding error away from the goal, one look more is enough."""
    decision = decided(Observation(replace(HELD, expires_in=-1.0), 100.0), 110.0 - 1e-9)
    assert decision == Wait(0.01)


@pytest.mark.parametrize("change", [{"beat": 10}, {"epoch": 5}, {"holder": "third"}, {"holder": None}])
def test_any_sign_of_life_starts_the_wait_anew(change: dict[str, object]) -> None:
    """A beat, a term, a holder."""
    seen = observe(Observation(HELD, 100.0), replace(HELD, **change), 105.0)  # type: ignore[arg-type] # any field
    assert seen.since == 105.0


def test_the_same_sight_keeps_the_wait_and_updates_the_rest() -> None:
    """What the database's clock says is always of the latest look."""
    seen = observe(Observation(HELD, 100.0), replace(HELD, expires_in=3.0), 105.0)
    assert (seen.since, seen.sighting.expires_in) == (100.0, 3.0)


def test_a_reconnect_forgets_what_was_seen() -> None:
    """The database may have crashed in between and lost beats that were acknowledged."""
    assert observe(None, HELD, 105.0).since == 105.0


def test_the_estimate_is_the_later_of_both_clocks() -> None:
    """What is shown as: taking over in N s."""
    assert takeover(Observation(HELD, 100.0), 105.0, PATIENCE) == (113.0, "stale")
    assert takeover(Observation(replace(HELD, expires_in=-5.0), 100.0), 105.0, PATIENCE) == (110.0, "stale")


LIT, FREED = replace(HELD, beacon_free=False), replace(HELD, beacon_free=True)


def test_a_beacon_seen_held_and_then_free_for_g_is_claimed() -> None:
    """The holder's session is gone, long before its lease is over."""
    seen = observe(observe(None, LIT, 100.0), FREED, 101.0)
    assert decided(seen, 101.0) == Wait(WATCH)
    seen = observe(seen, FREED, 101.75)
    assert decided(seen, 101.75) == Claim("session_lost", 4, 9)


def test_a_beacon_never_seen_held_says_nothing() -> None:
    """After a restart of the database every beacon is free, and the holder may live."""
    seen = observe(observe(None, FREED, 100.0), FREED, 105.0)
    assert decided(seen, 105.0) == Wait(WATCH)


def test_a_reconnect_forgets_that_the_beacon_was_seen() -> None:
    """Only one and the same session can tell "freed" from "all sessions were cut"."""
    observe(None, LIT, 100.0)
    seen = observe(observe(None, FREED, 101.0), FREED, 105.0)
    assert decided(seen, 105.0) == Wait(WATCH)


def test_a_beat_while_the_beacon_is_free_starts_its_wait_anew() -> None:
    """A holder that still renews is coming back."""
    seen = observe(observe(None, LIT, 100.0), FREED, 101.0)
    seen = observe(seen, replace(FREED, beat=10), 101.5)
    decision = decided(seen, 102.2)
    assert isinstance(decision, Wait)
    assert decision.seconds == pytest.approx(0.05)
    assert decided(seen, 102.25) == Claim("session_lost", 4, 10)


def test_a_beacon_that_is_held_again_ends_the_wait() -> None:
    """The holder has taken it on a new session."""
    seen = observe(observe(observe(None, LIT, 100.0), FREED, 101.0), LIT, 101.5)
    assert decided(observe(seen, FREED, 101.9), 102.0) == Wait(WATCH)


def test_the_beacon_of_another_epoch_proves_nothing() -> None:
    """Each term has a beacon of its own, to be seen held anew."""
    seen = observe(observe(None, LIT, 100.0), replace(FREED, epoch=5), 101.0)
    assert decided(seen, 105.0) == Wait(WATCH)


@pytest.mark.parametrize(
    ("takeovers", "seconds"), [(0, 0.0), (2, 0.0), (3, 7.5), (4, 15.0), (5, 30.0), (6, 60.0), (99, 60.0)]
)
def test_takeovers_that_follow_each_other_wait_longer_and_longer(takeovers: int, seconds: float) -> None:
    """Three in ten minutes are free; from then on the wait doubles up to a minute."""
    assert extra_wait(takeovers) == seconds
    stale = Observation(replace(HELD, expires_in=-99.0, takeovers=takeovers), 100.0)
    assert takeover(stale, 100.0, PATIENCE)[0] == 100.0 + LEASE + seconds
    assert takeover(stale, 100.0, replace(PATIENCE, damped=False))[0] == 100.0 + LEASE


def test_a_planned_handover_is_never_damped() -> None:
    """However many takeovers there were: a free lease is claimed at once."""
    free = Observation(replace(HELD, holder=None, takeovers=99), 100.0)
    assert decided(free, 100.0) == Claim("free", 4, 9)
