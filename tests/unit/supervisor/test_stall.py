"""The main loop's pulse, and the judgement of its silence."""

from __future__ import annotations

import pytest

from supervisor.contender import TICK_LIMIT
from supervisor.stall import (
    INTERVAL,
    LONGEST_FENCE,
    REPORT_EVERY,
    SAMPLES_KEPT,
    SHORTEST_FENCE,
    STALL_WARN,
    Judge,
    Pulse,
    Verdict,
    fence_after,
)
from supervisor.timing import PROFILES, resolve


def pulse_of() -> Pulse:
    return Pulse(7.0, at_work=lambda: False)


def looks(judge: Judge, start: float, until: float, tick: float, *, at_work: bool = True) -> list[Verdict]:
    """Look four times a second, as the thread does when nothing keeps it from running."""
    count = round((until - start) / INTERVAL)
    return [judge.look(start + INTERVAL * number, tick, at_work=at_work) for number in range(1, count + 1)]


def test_the_worst_lag_is_that_of_the_last_minute() -> None:
    """One bad moment weeks ago must not hide that all is well now, nor that it is getting bad again."""
    pulse = pulse_of()
    pulse.note(3.0)
    assert pulse.worst_lag == 3.0
    for _ in range(SAMPLES_KEPT - 1):
        pulse.note(0.001)
    assert pulse.worst_lag == 3.0
    pulse.note(0.002)
    assert pulse.worst_lag == 0.002


def test_the_worst_of_five_seconds_is_reported_not_every_sample() -> None:
    """A metric four times a second would cost more than it tells."""
    pulse = pulse_of()
    reported = [pulse.note(0.1 if number == 3 else 0.0) for number in range(2 * REPORT_EVERY)]
    assert [lag for lag in reported if lag is not None] == [0.1, 0.0]


@pytest.mark.parametrize("at_work", [True, False])
def test_a_hanging_loop_is_warned_about_once_and_fenced_at_the_limit(at_work: bool) -> None:
    """In every role: a loop that hangs serves nobody."""
    found = looks(Judge(7.0, looked=100.0), 100.0, 107.0, tick=100.0, at_work=at_work)
    assert found.index(Verdict.WARN) == STALL_WARN / INTERVAL - 1
    assert found.count(Verdict.WARN) == 1
    assert found.index(Verdict.FENCE) == len(found) - 1


def test_each_stall_has_a_warning_of_its_own() -> None:
    """What hung and came back may hang again, elsewhere."""
    judge = Judge(7.0, looked=100.0)
    assert looks(judge, 100.0, 103.0, tick=100.0).count(Verdict.WARN) == 1
    assert looks(judge, 103.0, 104.0, tick=103.0) == [Verdict.FINE] * 4
    assert looks(judge, 104.0, 108.0, tick=104.0).count(Verdict.WARN) == 1


def test_a_standby_that_was_paused_goes_on() -> None:
    """It holds nothing; the thread that looks did not run either, so nobody hung."""
    judge = Judge(7.0, looked=100.0)
    assert judge.look(100.25, 100.1, at_work=False) is Verdict.FINE
    assert judge.look(160.0, 100.1, at_work=False) is Verdict.FINE, "the thread wakes first"
    assert judge.look(160.25, 160.1, at_work=False) is Verdict.FINE


def test_a_standby_that_ticked_just_before_the_pause_goes_on_too() -> None:
    """The tick is new to the thread, the silence after it is the pause's all the same."""
    judge = Judge(7.0, looked=100.0)
    assert judge.look(160.0, 100.2, at_work=False) is Verdict.FINE


def test_a_loop_that_hangs_on_after_a_pause_is_fenced() -> None:
    """The pause is excused, what comes after it is not."""
    judge = Judge(7.0, looked=100.0)
    assert judge.look(160.0, 100.0, at_work=False) is Verdict.FINE
    found = looks(judge, 160.0, 167.0, tick=100.0, at_work=False)
    assert found.count(Verdict.WARN) == 1
    assert found[-1] is Verdict.FENCE


def test_a_pause_at_work_beyond_the_limit_is_the_end() -> None:
    """Another instance may have taken over meanwhile; a shorter one is no matter at all."""
    judge = Judge(7.0, looked=100.0)
    assert judge.look(106.0, 100.0, at_work=True) is Verdict.FINE
    assert judge.look(107.0, 100.0, at_work=True) is Verdict.FENCE


def test_the_limit_is_the_soft_deadline_within_bounds() -> None:
    """The keeper must have stopped renewing first, and no hang may last as long as a long lease."""
    assert SHORTEST_FENCE > TICK_LIMIT > STALL_WARN
    assert {name: fence_after(timing) for name, timing in PROFILES.items()} == {
        "standard": 7.0,
        "fast": SHORTEST_FENCE,
        "compat": LONGEST_FENCE,
    }
    longer, problems = resolve("standard", lease=15.0)
    assert longer is not None, problems
    assert fence_after(longer) == longer.soft
