"""The standby's rules, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.election import Claim, Observation, Sighting, Wait, decide, observe, takeover_at

LEASE, WATCH = 10.0, 0.5
HELD = Sighting(epoch=4, beat=9, holder="other", expires_in=8.0, renewed_ago=2.0)


def decided(seen: Observation, now: float, *, work_ended: bool = True) -> Wait | Claim:
    """Decide as the instance `me`."""
    return decide(seen, now=now, instance_id="me", work_ended=work_ended, lease=LEASE, watch=WATCH)


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
    assert takeover_at(Observation(HELD, 100.0), 105.0, LEASE) == 113.0
    assert takeover_at(Observation(replace(HELD, expires_in=-5.0), 100.0), 105.0, LEASE) == 110.0
