"""What several waits at once mean for everybody, on a clock that the tests turn."""

from __future__ import annotations

import pytest

from bot.limits import PAUSE_SECONDS, TRIAL_SECONDS, Floods

MOST = 8


def flooded(seconds: float = 3600.0) -> Floods:
    """Return what knows of three people told to wait just now."""
    floods = Floods()
    for person in (1, 2, 3):
        floods.tell(person, seconds, 0.0)
    return floods


def test_groups_that_are_told_to_wait_stop_no_person() -> None:
    """Their limit of twenty a minute is each one's own."""
    floods = Floods()
    assert [floods.tell(group, 60, 0.0) for group in (-1, -2, -3)] == [0.0] * 3
    assert [floods.tell(person, 60, 0.0) for person in (1, 2)] == [0.0] * 2
    assert floods.allowed(MOST, 0.0) == MOST


def test_a_pause_is_short_however_long_the_waits_are() -> None:
    """Three people's own waits of an hour are not everybody's."""
    floods = flooded()
    assert floods.pause(0.0) == PAUSE_SECONDS
    assert floods.allowed(MOST, PAUSE_SECONDS - 0.1) == 0
    assert floods.allowed(MOST, PAUSE_SECONDS) == 1


def test_after_a_pause_one_call_shows_whether_it_goes_on() -> None:
    """Told to wait again, by whoever it is, everything pauses again; any other answer lets all calls through."""
    floods = flooded()
    now = PAUSE_SECONDS
    assert floods.tell(4, 60, now) == PAUSE_SECONDS
    assert floods.allowed(MOST, now + 1) == 0
    now += PAUSE_SECONDS
    floods.answered(now)
    assert floods.allowed(MOST, now) == MOST
    assert floods.tell(5, 60, now + 1) == 0


def test_only_calls_that_began_after_the_pause_take_the_place_of_the_one_that_is_tried() -> None:
    """Those from before it may take minutes; with them there are never more calls than at any other time."""
    floods = flooded()
    before, now = -1.0, PAUSE_SECONDS
    assert floods.allowed(MOST, now, [before] * (MOST - 1)) == 1
    assert floods.allowed(MOST, now, [before] * MOST) == 0
    assert floods.allowed(MOST, now + 1, [before, now]) == 0
    assert floods.tell(4, 60, now + 1) == PAUSE_SECONDS
    assert floods.allowed(MOST, now + 1 + PAUSE_SECONDS, [before, now]) == 1
    floods.answered(now + 1 + PAUSE_SECONDS)
    assert floods.allowed(MOST, now + 1 + PAUSE_SECONDS, [before, now]) == MOST - 2


def test_a_call_that_is_slow_after_a_pause_is_waited_for_a_short_while() -> None:
    """Then the next one is tried beside it; whichever is answered first shows how it goes on."""
    floods = flooded()
    now = PAUSE_SECONDS
    tried = [now]
    assert floods.allowed(MOST, now + TRIAL_SECONDS, tried) == 0
    now += TRIAL_SECONDS + 0.1
    assert floods.allowed(MOST, now, tried) == 1
    tried.append(now)
    assert floods.allowed(MOST, now + 1, tried) == 0
    assert floods.allowed(2, now + TRIAL_SECONDS + 0.1, tried) == 0
    floods.answered(now + 1)
    assert floods.allowed(MOST, now + 1, tried) == MOST - 2


def test_a_group_that_is_told_to_wait_after_a_pause_shows_nothing() -> None:
    """Another call is tried."""
    floods = flooded()
    assert floods.tell(-4, 60, PAUSE_SECONDS) == 0
    assert floods.allowed(MOST, PAUSE_SECONDS) == 1


def test_a_wait_shorter_than_a_pause_ends_it() -> None:
    """Telegram says how long it takes."""
    floods = flooded()
    assert floods.tell(4, 2, PAUSE_SECONDS) == 2


def test_what_was_on_its_way_neither_ends_a_pause_nor_makes_it_longer() -> None:
    """Calls that had begun before it say nothing of now."""
    floods = flooded()
    floods.answered(0.5)
    assert floods.tell(4, 60, 1.0) == pytest.approx(PAUSE_SECONDS - 1)
    assert floods.allowed(MOST, PAUSE_SECONDS) == 1
