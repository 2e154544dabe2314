"""Recorders: tests wait for what happens."""

from __future__ import annotations

import threading

import anyio
import pytest

from telemetry import emit, events, testing


async def test_next_returns_what_already_happened_and_then_waits_for_more() -> None:
    """Each event is given once, in order, whether it came before or after the question."""
    with testing.record() as recorded:
        emit(events.TermWon(epoch=1, reason="free"))
        emit(events.LockSuspect(epoch=1))
        assert (await recorded.next(events.TermWon)).epoch == 1
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_emit_later, 2)
            assert (await recorded.next("lock.term_won")) == events.TermWon(epoch=2, reason="free")
        assert recorded.names() == ["lock.term_won", "lock.suspect", "lock.term_won"]


async def _emit_later(epoch: int) -> None:
    await anyio.lowlevel.checkpoint()
    emit(events.TermWon(epoch=epoch, reason="free"))


async def test_an_event_from_another_thread_wakes_the_waiting_test() -> None:
    """The keeper lives in a thread of its own."""
    with testing.record() as recorded:
        thread = threading.Timer(0.01, lambda: emit(events.LockReleased(epoch=3, held_seconds=1.0)))
        thread.start()
        began = anyio.current_time()
        assert (await recorded.next(events.LockReleased, timeout=20)).epoch == 3
        assert anyio.current_time() - began < 10
        thread.join()


async def test_waiting_in_vain_says_what_came_instead() -> None:
    """The message is the first thing one reads of a red test."""
    with testing.record() as recorded:
        emit(events.LockSuspect(epoch=1))
        with pytest.raises(
            AssertionError, match=r"No further lock\.term_won within 0\.01 s; recorded were: lock\.suspect"
        ):
            await recorded.next(events.TermWon, timeout=0.01)


def test_waiting_without_a_loop_works_too() -> None:
    """Tests of programs are plain functions."""
    with testing.record() as recorded:
        thread = threading.Timer(0.01, lambda: emit(events.LockReleased(epoch=3, held_seconds=1.0)))
        thread.start()
        assert recorded.wait("lock.released", timeout=5) == events.LockReleased(epoch=3, held_seconds=1.0)
        thread.join()
        with pytest.raises(AssertionError, match=r"No further lock\.released"):
            recorded.wait(events.LockReleased, timeout=0.01)


def test_recorded_events_can_be_picked_by_class() -> None:
    """Counting what happened is a list away."""
    with testing.record() as recorded:
        emit(events.TermWon(epoch=1, reason="free"))
        emit(events.LockSuspect(epoch=1))
    assert [won.epoch for won in recorded.all(events.TermWon)] == [1]
    assert len(recorded.all()) == 2
