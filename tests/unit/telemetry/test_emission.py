"""Emission: it never raises, and no sink disturbs another."""

from __future__ import annotations

import threading

import pytest

from telemetry import emission, emit, events, testing


def broken(event: events.Event) -> None:
    """Fail as a sink with a bug would."""
    raise RuntimeError(f"cannot take {event.name}")


def beat(times: int) -> None:
    """Emit a heartbeat this often."""
    for _ in range(times):
        emit(events.HeartbeatSucceeded(seconds=0.1))


def test_a_broken_sink_is_counted_and_the_others_still_get_the_event(capsys: pytest.CaptureFixture[str]) -> None:
    """What is described must not fail because the description does."""
    before = emission.failures()["span"]
    emission.attach("span", broken)
    try:
        with testing.record() as recorded:
            emit(events.TermWon(epoch=1, reason="free"))
    finally:
        emission.detach(broken)
    assert emission.failures()["span"] == before + 1
    assert recorded.names() == ["lock.term_won"]
    assert "cannot take" not in capsys.readouterr().err


def test_a_detached_sink_receives_nothing_more() -> None:
    """Detaching is complete and may be repeated."""
    recorded = testing.record()
    recorded.close()
    recorded.close()
    emit(events.TermWon(epoch=1, reason="free"))
    assert recorded.all() == []


def test_emitting_without_anything_configured_does_nothing() -> None:
    """A command line tool may use the same code as the daemon."""
    emit(events.TermWon(epoch=1, reason="free"))


def test_events_from_many_threads_all_arrive() -> None:
    """The keeper emits from its own thread while the main loop emits from its own."""
    with testing.record() as recorded:
        threads = [threading.Thread(target=beat, args=(200,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(recorded.all(events.HeartbeatSucceeded)) == 800
