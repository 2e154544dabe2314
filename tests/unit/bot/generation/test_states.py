"""The states of a generation as a graph."""

from __future__ import annotations

from typing import get_args

from bot.generation.states import SETTLED, STEPS, State, may_go

STATES: tuple[State, ...] = get_args(State)


def _reach(start: State) -> set[State]:
    found: set[State] = {start}
    while more := {to for state, to in STEPS if state in found} - found:
        found |= more
    return found


def test_every_state_is_reached_and_every_way_ends_settled() -> None:
    """No state is cut off, and no generation can be stuck without a way to its end."""
    assert _reach("quoted") == set(STATES)
    for state in STATES:
        assert _reach(state) & SETTLED
    assert not {state for state, _ in STEPS} & SETTLED


def test_nothing_is_charged_that_was_not_delivered() -> None:
    """M3, in the graph: the only way to a charge leads through delivery; a release never leads to one."""
    assert {state for state, to in STEPS if to == "charged"} == {"delivered"}
    assert {state for state, to in STEPS if to == "delivered"} == {"succeeded"}
    assert _reach("released") == {"released"}


def test_an_unknown_is_never_submitted_again() -> None:
    """Who may have been accepted can only be found or given up."""
    assert "submitting" not in _reach("unknown")
    assert not may_go("unknown", "held")
