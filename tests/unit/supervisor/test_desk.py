"""What the keeper's thread and the main loop tell each other."""

from __future__ import annotations

import threading

import anyio
import pytest

from supervisor.desk import Bell, Desk
from supervisor.term import Term
from supervisor.view import LockState, LockView
from telemetry import events, testing


def term(epoch: int = 1) -> Term:
    """A term that is trusted for an hour."""
    return Term(epoch, "a", window=3600.0, sent_at=1000.0, clock=lambda: 1000.0)


def active(of: Term) -> LockView:
    """The view of a holder."""
    return LockView(LockState.ACTIVE, "free", term=of, epoch=of.epoch, holder="a")


async def test_a_bell_rung_between_looking_and_waiting_is_heard() -> None:
    """Take the event, look, wait: nothing is missed in between, from whichever thread it is rung."""
    bell = Bell()
    rung = bell.next()
    thread = threading.Thread(target=bell.ring)
    thread.start()
    with anyio.fail_after(5):
        await rung.wait()


async def test_a_bell_wakes_everyone_once() -> None:
    """Each waiter takes its own turn; a later look waits for a later ring."""
    bell = Bell()
    first, second = bell.next(), bell.next()
    bell.ring()
    with anyio.fail_after(5):
        await first.wait()
        await second.wait()
    assert not bell.next().is_set()


def test_a_bell_nobody_waits_for_may_be_rung() -> None:
    """Before the first waiter, and after the loop is gone."""
    bell = Bell()
    bell.ring()

    async def wait_briefly() -> None:
        bell.next()

    anyio.run(wait_briefly)
    bell.ring()


def test_a_term_is_taken_once() -> None:
    """One work at a time; put back, it may be taken again."""
    desk, held = Desk(), term()
    assert desk.take() is None
    desk.publish(active(held))
    assert desk.idle
    assert desk.take() is held
    assert not desk.idle
    assert desk.take() is None
    desk.put_back(term(2))
    assert not desk.idle
    desk.put_back(held)
    assert desk.idle
    assert desk.take() is held


def test_an_ended_term_is_not_taken() -> None:
    """Though the view still shows it."""
    desk, held = Desk(), term()
    desk.publish(active(held))
    held.end("fenced")
    assert desk.take() is None
    assert desk.view.role == "PASSIVE"


@pytest.mark.parametrize("state", [state for state in LockState if state is not LockState.ACTIVE])
def test_a_term_is_taken_only_while_active(state: LockState) -> None:
    """Draining ends work, it does not begin it."""
    desk = Desk()
    desk.publish(LockView(state, term=term()))
    assert desk.take() is None


def test_nothing_is_taken_once_draining() -> None:
    """Whatever the view says a moment later."""
    desk = Desk()
    desk.publish(active(term()))
    desk.drain()
    assert desk.draining
    assert desk.take() is None


async def test_publishing_wakes_the_main_loop_only_when_something_changed() -> None:
    """Two looks a second that show the same wake nobody."""
    desk = Desk()
    desk.publish(LockView(LockState.PASSIVE, "waiting", epoch=1))
    rung = desk.main.next()
    desk.publish(LockView(LockState.PASSIVE, "waiting", epoch=2))
    await anyio.wait_all_tasks_blocked()
    assert not rung.is_set()
    desk.publish(active(term()))
    with anyio.fail_after(5):
        await rung.wait()


def test_state_changes_are_told_once_and_claims_not_at_all() -> None:
    """A claim that fails once a second must not fill the log."""
    desk = Desk()
    with testing.record() as recorded:
        for state in (LockState.PASSIVE, LockState.CLAIMING, LockState.PASSIVE, LockState.CLAIMING):
            desk.publish(LockView(state))
        desk.publish(active(term()))
    changes = [(event.previous, event.state, event.role) for event in recorded.all(events.RoleChanged)]
    assert changes == [("STARTING", "PASSIVE", "PASSIVE"), ("PASSIVE", "ACTIVE", "ACTIVE")]
