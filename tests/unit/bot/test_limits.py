"""How fast Telegram may be called, on a clock that the tests turn."""

from __future__ import annotations

import math
import random

import pytest

from bot.limits import Floods, Limits, Rates

LIMITS = Limits()


def test_a_chat_gets_one_call_a_second_counted_from_its_answer() -> None:
    """Telegram may have counted the call as late as its answer."""
    rates = Rates(LIMITS)
    rates.begin()
    rates.end(5, 10.4)
    wait, limit = rates.chat_wait(5, 10.9)
    assert (round(wait, 6), limit) == (0.5, "chat")
    assert rates.chat_wait(5, 11.4)[0] == 0
    assert rates.chat_wait(6, 10.5)[0] == 0


def test_a_group_gets_twenty_a_minute_besides() -> None:
    """After twenty it waits until the first is a minute old; a person does not."""
    rates = Rates(LIMITS)
    for second in range(20):
        assert rates.chat_wait(-5, float(second))[0] == 0
        rates.count(-5, float(second))
        rates.count(5, float(second))
    assert rates.chat_wait(-5, 30.0) == (30.0, "group")
    assert rates.chat_wait(5, 30.0)[0] == 0
    assert rates.chat_wait(-5, 60.0)[0] == 0


def test_a_call_under_way_holds_its_place_in_the_overall_limit() -> None:
    """Nobody knows yet in which second Telegram will count it."""
    rates = Rates(Limits(overall=(2, 1.0)))
    rates.begin()
    rates.begin()
    assert (rates.free(0.0), rates.overall_wait(50.0)) == (0, math.inf)
    rates.end(1, 50.0)
    assert rates.free(50.9) == 0
    assert rates.overall_wait(50.9) == pytest.approx(0.1)
    assert rates.free(51.0) == 1
    rates.cancel()
    assert rates.free(51.0) == 2


def test_what_was_sent_before_this_term_counts() -> None:
    """A takeover does not begin with empty windows."""
    rates = Rates(LIMITS)
    for age in range(59, 39, -1):
        rates.count(-5, 100.0 - age)
    assert rates.chat_wait(-5, 100.0) == (1.0, "group")


def test_chats_are_forgotten_when_nothing_counts_any_more() -> None:
    """What is remembered is bounded by the limits, not by the number of chats."""
    rates = Rates(LIMITS)
    for number in range(1, 10_000):
        rates.count(number if number % 2 else -number, number / 30)
    assert len(rates) <= 30 * 60 + 1


@pytest.mark.parametrize("seed", range(5))
def test_no_window_of_telegrams_clock_is_ever_above_its_limit(seed: int) -> None:
    """Calls of any length, counted by Telegram at any moment between request and answer; every window is checked."""
    luck, rates, now = random.Random(seed), Rates(LIMITS), 0.0
    chats = [*range(1, 51), -1, -2, -3]
    under_way: dict[int, tuple[float, float]] = {}
    counted: list[tuple[float, int]] = []
    while now < 150:
        now += luck.choice((0.001, 0.01, 0.05))
        for chat, (began, until) in sorted(under_way.items(), key=lambda call: call[1][1]):
            if until <= now:
                del under_way[chat]
                rates.end(chat, now)
                counted.append((luck.choice((began, now, luck.uniform(began, now))), chat))
        for chat in luck.sample(chats, len(chats)):
            if chat not in under_way and rates.free(now) and rates.chat_wait(chat, now)[0] == 0:
                rates.begin()
                under_way[chat] = now, now + luck.choice((0.02, 0.1, 1.5))
    assert most(counted, 1.0) <= 30
    for chat in chats:
        own = [entry for entry in counted if entry[1] == chat]
        assert most(own, 1.0) <= 1
        assert chat > 0 or most(own, 60.0) <= 20
    assert len(counted) > 2_500
    assert sum(chat == -1 for _, chat in counted) >= 40


def most(counted: list[tuple[float, int]], seconds: float) -> int:
    """Return how many lie in the fullest window."""
    times, first, found = sorted(time for time, _ in counted), 0, 0
    for last, time in enumerate(times):
        while time - times[first] >= seconds - 1e-9:
            first += 1
        found = max(found, last - first + 1)
    return found


def test_one_chat_that_must_wait_stops_nobody_else() -> None:
    """However often it is told."""
    floods = Floods()
    assert [floods.tell(1, 60, float(second)) for second in range(9)] == [0.0] * 9
    assert floods.tell(2, 60, 9.0) == 0


def test_three_chats_told_at_once_pause_everything_for_the_shortest_wait() -> None:
    """It is the bot that is too fast; one chat's own long wait is not everybody's."""
    floods = Floods()
    floods.tell(1, 3000, 0.0)
    floods.tell(2, 5, 1.0)
    assert floods.tell(3, 5, 1.5) == pytest.approx(4.5)
    assert floods.pause(5.9) == pytest.approx(0.1)
    assert floods.pause(6.0) == 0


def test_three_chats_told_far_apart_are_three_chats() -> None:
    """Ten seconds later the first is no sign any more."""
    floods = Floods()
    floods.tell(1, 60, 0.0)
    floods.tell(2, 60, 5.0)
    assert floods.tell(3, 60, 10.5) == 0
