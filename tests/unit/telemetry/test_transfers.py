"""Transfers: which events end a takeover or a handover, and how long it was."""

from __future__ import annotations

import pytest

from telemetry import events
from telemetry.transfers import Transfers

DRAINING = events.RoleChanged(role="ACTIVE", state="DRAINING", previous="ACTIVE")
RELEASED = events.LockReleased(epoch=7, held_seconds=60.0)


@pytest.mark.parametrize("reason", ["stale", "session_lost"])
def test_an_unplanned_term_ends_a_takeover_that_began_with_the_last_heartbeat(reason: str) -> None:
    """The wait is the outage as this instance saw it."""
    won = events.TermWon(epoch=8, reason=reason, previous_holder="a", waited_seconds=5.2)  # type: ignore[arg-type]  # one of the literals
    transfer = Transfers().note(won, now=100.0)
    assert transfer is not None
    assert (transfer.name, transfer.seconds) == ("takeover", 5.2)
    assert transfer.attributes == {"epoch": 8, "reason": reason, "previous_holder": "a", "waited_seconds": 5.2}


@pytest.mark.parametrize("reason", ["free", "self"])
def test_a_planned_term_is_no_takeover(reason: str) -> None:
    """Otherwise each deploy would look like an incident."""
    won = events.TermWon(epoch=8, reason=reason, waited_seconds=0.1)  # type: ignore[arg-type]  # one of the literals
    assert Transfers().note(won, now=100.0) is None


def test_a_release_ends_the_handover_that_its_drain_began() -> None:
    """From the request to drain until the next instance may claim."""
    transfers = Transfers()
    assert transfers.note(DRAINING, now=100.0) is None
    transfer = transfers.note(RELEASED, now=102.5)
    assert transfer is not None
    assert (transfer.name, transfer.seconds) == ("handover", 2.5)
    assert transfer.attributes == {"epoch": 7, "drained_seconds": 2.5, "held_seconds": 60.0}


def test_a_drain_that_ends_without_a_release_is_no_handover_and_is_forgotten() -> None:
    """The lease ran out instead; the next release has a beginning of its own."""
    transfers = Transfers()
    transfers.note(DRAINING, now=100.0)
    assert transfers.note(events.TermLost(epoch=7, reason="fenced"), now=101.0) is None
    transfer = transfers.note(RELEASED, now=500.0)
    assert transfer is not None
    assert transfer.seconds == 0.0
