"""What is shown of the lock."""

from __future__ import annotations

from supervisor.term import Term
from supervisor.view import LockState, LockView


def test_a_view_counts_ages_from_its_own_times() -> None:
    """Times are kept, ages are computed when asked for, never below zero."""
    view = LockView(LockState.PASSIVE, "waiting", epoch=3, holder="b", renewed_at=95.0, takeover_at=110.0)
    assert (view.heartbeat_age(100.0), view.takeover_in(100.0)) == (5.0, 10.0)
    assert (view.heartbeat_age(94.0), view.takeover_in(111.0)) == (0.0, 0.0)


def test_a_view_that_knows_nothing_says_so() -> None:
    """At the start there is no heartbeat and no estimate."""
    assert (LockView().heartbeat_age(1.0), LockView().takeover_in(1.0), LockView().role) == (None, None, "PASSIVE")


def test_the_holders_own_heartbeat_is_its_terms() -> None:
    """A renew needs no new view to be seen."""
    now = 100.0
    term = Term(1, "a", window=7.0, sent_at=100.0, clock=lambda: now)
    view = LockView(LockState.ACTIVE, term=term)
    now = 103.0
    term.extend(102.5)
    assert (view.role, view.heartbeat_age(now)) == ("ACTIVE", 0.5)
