"""The standby's rules under every history: clocks that jump, run fast or slow, answers that come late."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from supervisor.election import Claim, Observation, Patience, Sighting, Wait, decide, observe
from supervisor.timing import LATENESS, PROFILES, RATE_ERROR

LEASE, GRACE, WATCH = 10.0, 0.75, 0.5
PATIENCE = Patience(LEASE, GRACE, WATCH, damped=False)
ROUNDING = 1e-6

sightings = st.builds(
    Sighting,
    epoch=st.integers(1, 2),
    beat=st.integers(1, 2),
    holder=st.sampled_from(["other", "third", "me", None]),
    expires_in=st.floats(-3600, 3600),
    renewed_ago=st.just(0.0),
    beacon_free=st.sampled_from([None, False, True]),
)
looks = st.lists(st.tuples(sightings, st.floats(0, 12), st.booleans()), min_size=1, max_size=12)


@given(looks, st.booleans())
def test_a_claim_always_has_its_ground(  # noqa: C901 - a second, simple-minded account of the rules
    history: list[Any], work_ended: bool
) -> None:
    """Free, our own, its beacon gone for g, or: unchanged for L on our clock in one connection, expired on the database's."""
    seen: Observation | None = None
    now, unchanged_since, free_since = 1000.0, 0.0, 0.0
    lit: set[int] = set()
    for sighting, later, reconnected in history:
        now += later
        if reconnected:
            seen, lit = None, set()
        if seen is None or seen.sighting.identity != sighting.identity:
            unchanged_since = now
        if sighting.beacon_free is False:
            lit = {sighting.epoch}
        elif lit != {sighting.epoch}:
            lit = set()
        if seen is None or sighting.beacon_free is not True or seen.sighting.beacon_free is not True:
            free_since = now
        seen = observe(seen, sighting, now)
        decision = decide(seen, now=now, instance_id="me", work_ended=work_ended, patience=PATIENCE)
        if isinstance(decision, Wait):
            assert 0 < decision.seconds <= WATCH
            continue
        assert work_ended
        assert (decision.epoch, decision.beat) == (sighting.epoch, sighting.beat)
        match decision.reason:
            case "free":
                assert sighting.holder is None
            case "self":
                assert sighting.holder == "me"
            case "session_lost":
                assert sighting.holder in {"other", "third"}
                assert lit == {sighting.epoch}
                assert now - max(unchanged_since, free_since) >= GRACE - ROUNDING
            case "stale":
                assert sighting.holder in {"other", "third"}
                assert now - unchanged_since >= LEASE - ROUNDING
                assert sighting.expires_in <= 0


@given(st.floats(0, 1e6), st.floats(-1e4, 30), st.floats(0, 1e4))
def test_a_lease_that_stays_silent_is_claimed_as_soon_as_both_clocks_say_so(
    since: float, expires_in: float, watched: float
) -> None:
    """Safety alone would be easy: nobody ever claims. This one does, exactly when it may."""
    seen = Observation(Sighting(1, 1, "other", expires_in, 0.0), since)
    now = since + watched
    decision = decide(seen, now=now, instance_id="me", work_ended=True, patience=PATIENCE)
    if watched > LEASE + ROUNDING and expires_in < -ROUNDING:
        assert decision == Claim("stale", 1, 1)
    if watched < LEASE - ROUNDING or expires_in > ROUNDING:
        assert isinstance(decision, Wait)


rates = st.floats(1 - RATE_ERROR, 1 + RATE_ERROR)


@given(
    profile=st.sampled_from(sorted(PROFILES)),
    holder_rate=rates,
    standby_rate=rates,
    lateness=st.floats(0, LATENESS),
    commit_after=st.floats(0, 5),
    seen_after=st.floats(0, 5),
    looks_late_by=st.lists(st.floats(0, 1), min_size=1, max_size=40),
)
def test_a_silent_holder_is_gone_before_anybody_claims(  # noqa: PLR0917 - one parameter for each thing that varies
    profile: str,
    holder_rate: float,
    standby_rate: float,
    lateness: float,
    commit_after: float,
    seen_after: float,
    looks_late_by: list[float],
) -> None:
    """The proof of the timing rule, played through: clocks off by ρ, a kill that is late, commits and looks at any time.

    The holder's last renew is sent at 0 of real time; it is gone H after that on its own clock. The standby sees that
    renew first at any time after its commit, and then looks whenever it likes.
    """
    timing = PROFILES[profile]
    patience = Patience(timing.lease, timing.grace, timing.watch)
    gone_at = timing.hard / holder_rate + lateness
    real = commit_after + seen_after
    seen: Observation | None = None
    delays = iter(looks_late_by)
    while True:
        own = 5000.0 + real * standby_rate
        seen = observe(seen, Sighting(1, 7, "other", expires_in=-1.0, renewed_ago=0.0), own)
        decision = decide(seen, now=own, instance_id="me", work_ended=True, patience=patience)
        if isinstance(decision, Claim):
            break
        real += decision.seconds / standby_rate + next(delays, 0.0)
    assert real > gone_at
