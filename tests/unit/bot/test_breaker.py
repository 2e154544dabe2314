"""The circuit breaker of a model: when it opens, and who may try again."""

from __future__ import annotations

from bot.breaker import COOLING_SECONDS, IN_A_ROW, LONGEST_COOLING_SECONDS, PROBE_SECONDS, Breaker


def after(breaker: Breaker, faults: str, now: float = 0.0) -> Breaker:
    """Let orders end: x is a fault, anything else a success."""
    for each in faults:
        breaker = breaker.ended(now, is_fault=each == "x")
    return breaker


def test_faults_in_a_row_open_it() -> None:
    """One fewer does not, and a success between them begins anew."""
    assert after(Breaker(), "x" * (IN_A_ROW - 1)).allows(0.0)
    assert after(Breaker(), "xxx.xxx").allows(0.0)
    assert not after(Breaker(), "x" * IN_A_ROW).allows(0.0)


def test_a_share_of_faults_opens_it_once_enough_is_known() -> None:
    """Half of ten, never four in a row; half of eight is too little to know."""
    assert after(Breaker(), ".x.x.x.x").allows(0.0)
    assert not after(Breaker(), ".x.x.x.x.x").allows(0.0)


def test_a_success_never_opens_it() -> None:
    """Whatever was before: it has just worked."""
    assert after(Breaker(), "xxx.xxx...").state(0.0) == "closed"


def test_it_lets_one_order_through_once_it_has_cooled_down() -> None:
    """The one that tries holds up the others, but not for ever."""
    tripped = after(Breaker(), "xxxx")
    assert not tripped.allows(COOLING_SECONDS - 1)
    assert tripped.state(COOLING_SECONDS) == "half_open"
    trying = tripped.ordered(COOLING_SECONDS)
    assert not trying.allows(COOLING_SECONDS + 1)
    assert trying.allows(COOLING_SECONDS + PROBE_SECONDS)


def test_a_success_closes_it_and_a_fault_lets_it_cool_for_twice_as_long() -> None:
    """Up to half an hour; what was before a success is forgotten."""
    tripped = after(Breaker(), "xxxx")
    assert after(tripped, ".", COOLING_SECONDS) == Breaker()
    again = after(tripped, "x", COOLING_SECONDS)
    assert not again.allows(COOLING_SECONDS * 3 - 1)
    assert again.allows(COOLING_SECONDS * 3)
    now = COOLING_SECONDS
    for _ in range(20):
        tripped = after(tripped, "x", now)
        now += tripped.cooling
    assert tripped.cooling == LONGEST_COOLING_SECONDS


def test_what_ends_while_it_is_open_changes_nothing() -> None:
    """Orders from before: their faults are known, and a late success says nothing about now."""
    tripped = after(Breaker(), "xxxx")
    assert after(tripped, "x.x.", 1.0) == tripped
