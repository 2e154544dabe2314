"""The breaker under any sequence of events: it never lets a crowd through what has failed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.breaker import COOLING_SECONDS, LONGEST_COOLING_SECONDS, PROBE_SECONDS, Breaker

STEPS = st.lists(st.tuples(st.sampled_from(["order", "fault", "success"]), st.floats(0, 400)), max_size=60)


@given(STEPS)
def test_between_opening_and_closing_one_order_at_a_time_is_let_through(steps: list[tuple[str, float]]) -> None:
    """Never while it cools, never two within the time that one is waited for."""
    breaker, now, last_probe = Breaker(), 0.0, None
    for step, passed in steps:
        now += passed
        if step == "order":
            if breaker.allows(now) and breaker.state(now) == "half_open":
                assert last_probe is None or now - last_probe >= PROBE_SECONDS
                last_probe = now
            if breaker.allows(now):
                breaker = breaker.ordered(now)
        else:
            before = breaker
            breaker = breaker.ended(now, is_fault=step == "fault")
            if breaker != before and before.opened_at is not None:
                last_probe = None
        assert COOLING_SECONDS <= breaker.cooling <= LONGEST_COOLING_SECONDS
        if breaker.state(now) == "open":
            assert not breaker.allows(now)


@given(STEPS)
def test_it_always_allows_again(steps: list[tuple[str, float]]) -> None:
    """Whatever happened: after the longest cooling and a lost try, somebody may."""
    breaker, now = Breaker(), 0.0
    for step, passed in steps:
        now += passed
        breaker = breaker.ordered(now) if step == "order" else breaker.ended(now, is_fault=step == "fault")
    assert breaker.allows(now + LONGEST_COOLING_SECONDS + PROBE_SECONDS)
