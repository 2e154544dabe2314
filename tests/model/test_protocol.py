"""The protocol's proof within the model's bounds, and for each rule the trace that its absence allows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.model.graph import Report, explore
from tests.model.protocol import KEPT, OVERLAP, TWO_TRUSTED, Protocol
from tests.model.states import Rules

WRONG_STANDBY_CLOCK = {"own_clock": False, "database_clock": True, "losing_beats": False}
NO_BEACON = {"beacon": "off", "beacon_before_trust": False}
HOLDS: dict[str, dict[str, Any]] = {
    "as built, while the database's clock says anything": {},
    "while the standbys' clocks say anything": WRONG_STANDBY_CLOCK,
    "behind a pooler, without beacons": NO_BEACON,
    "when resuming waits for a renew after the beacon instead": {"beacon_beats": False, "renew_before_trust": True},
}
MUTANTS: dict[str, tuple[dict[str, Any], str]] = {
    "no deadlines": ({"deadlines": False}, TWO_TRUSTED),
    "H as long as L": ({"hard": 4}, OVERLAP),
    "deadlines count from the reply": ({"from_sending": False}, TWO_TRUSTED),
    "no kill timer": ({"kill_timer": False}, OVERLAP),
    "R6 off: a reconnect keeps the observation": ({"observation_restarts": False}, TWO_TRUSTED),
    "R7 off: a free beacon is enough": ({"beacon": "free"}, TWO_TRUSTED),
    "R8 off: no SUSPECT": ({"suspect": False}, TWO_TRUSTED),
    "trusted again before the beacon is taken": ({"beacon_before_trust": False}, TWO_TRUSTED),
    "trusted again with the beacon, which is no beat": ({"beacon_beats": False}, TWO_TRUSTED),
    "self-reclaim before the work has ended": ({"quiesce_first": False}, OVERLAP),
    "release before the work has ended": ({"release_last": False}, OVERLAP),
    "renew not scoped to holder and epoch": ({"renew_scoped": False}, KEPT),
    "claim without compare-and-set": ({"compare_and_set": False}, TWO_TRUSTED),
    "a beat may come again within a term": ({"beats_count": False}, OVERLAP),
    "R5 half: only the database's clock": ({"ask_own_clock": False}, TWO_TRUSTED),
    "R5 half: only the standby's clock": ({**WRONG_STANDBY_CLOCK, "ask_database_clock": False}, TWO_TRUSTED),
}
EXCLUDED: dict[str, dict[str, Any]] = {
    "a session that ends on the server's side only, unheard for longer than g": {"told_late": True},
    "an operator's break of a living term": {"breaking": True},
}


def shown(report: Report) -> Report:
    """Print a report for the reader of the test's output, and return it."""
    print(report)  # noqa: T201 - the counts and the trace are what this test is read for
    return report


@pytest.mark.parametrize("name", HOLDS)
def test_one_is_trusted_and_one_can_lead_again(name: str) -> None:
    """In every reachable state: at most one passes check(), and without a further fault somebody comes to lead."""
    report = shown(explore(Protocol(Rules(**HOLDS[name])), liveness=True))
    assert (report.broken, report.trace, report.stuck) == (None, (), None)
    assert report.states > 20_000


@pytest.mark.parametrize("name", MUTANTS)
def test_without_this_rule_the_protocol_breaks(name: str) -> None:
    """Every rule is needed: without it the checker finds how two instances come to work at once."""
    change, broken = MUTANTS[name]
    report = shown(explore(Protocol(Rules(**change))))
    assert report.broken == broken
    assert report.trace


@pytest.mark.parametrize("name", EXCLUDED)
def test_what_is_excluded_would_break_it(name: str) -> None:
    """The documented exceptions are exceptions: the model says so too."""
    assert shown(explore(Protocol(Rules(**EXCLUDED[name])))).broken in {TWO_TRUSTED, OVERLAP}


def test_without_the_lease_a_dead_holder_is_never_replaced() -> None:
    """The beacon alone would not do: after a crash of the database nobody has seen it held."""
    report = shown(explore(Protocol(Rules(stale=False)), liveness=True))
    assert report.broken is None
    assert report.stuck is not None
    assert "crash" in report.stuck


@pytest.mark.parametrize(
    "change",
    [{"beacon_guard": False}, {"self_reclaim": False}, {"beacon": "vouched"}],
    ids=["the database's look at the beacon", "self-reclaim", "waiting for the lease where the server vouches"],
)
@pytest.mark.chaos
def test_what_safety_does_not_need(change: dict[str, Any]) -> None:
    """A second line of defence, speed, and a shorter wait that would be safe: none of them carries the proof."""
    report = shown(explore(Protocol(Rules(**change)), liveness=True))
    assert (report.broken, report.stuck) == (None, None)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "change", [{"soft": 3, "hard": 4, "lease": 5, "grace": 2}, {"lease": 6}], ids=["finer", "longer"]
)
def test_finer_time_changes_nothing(change: dict[str, Any]) -> None:
    """The same proof with other proportions of the times."""
    report = shown(explore(Protocol(Rules(**change)), liveness=True, limit=20_000_000))
    assert (report.broken, report.stuck) == (None, None)
