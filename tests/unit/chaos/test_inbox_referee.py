"""The inbox's referee sees every violation: a history that is right, and each way to be wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.inbox.referee import Effect, History, Kept, Sent, Start, judge, starved, told
from tests.chaos.inbox.script import Script

LANE, LIMIT, UNCOUNTED = "chat:1", 5, 1
SCRIPTS = ("write", "quiet", "poison", "write", "none")
STATES = ("done", "done", "dead", "done", "dead")


def right() -> History:
    """Five updates of one chat: two took effect, one wrote nothing, one was given up, one was no update."""
    sent = [Sent(("telegram", str(n)), LANE, n, Script.of(script)) for n, script in enumerate(SCRIPTS, 1)]
    attempts = (1, 1, LIMIT, 2, 0)
    kept = [
        Kept(10 + n, ("telegram", str(n)), LANE, state, started)
        for n, (state, started) in enumerate(zip(STATES, attempts, strict=True), 1)
    ]
    starts = [Start(at, 1, 7, row, 1) for at, row in enumerate((11, 12, 13, 13, 13, 13, 13, 14), 100)]
    return History(sent, kept, [Effect(1, 11, 1), Effect(2, 14, 2)], [*starts, Start(90, 2, 8, 14, 2)])


def with_row(history: History, number: int, **changed: Any) -> History:
    """Return the history with another fate of one row."""
    return replace(history, kept=[replace(row, **changed) if row.id == number else row for row in history.kept])


def test_a_history_without_fault_is_accepted() -> None:
    """Nothing is said about what is right."""
    assert judge(right(), LIMIT, UNCOUNTED) == ()


def test_what_was_never_acknowledged_may_be_missing() -> None:
    """The sender still has it."""
    history = right()
    sent = [*history.sent, Sent(("telegram", "6"), LANE, 6, Script.of("write"), acked=False)]
    assert judge(replace(history, sent=sent), LIMIT, UNCOUNTED) == ()


WRONG = {
    "I1 an acknowledged update is gone": (
        replace(right(), kept=right().kept[1:], effects=right().effects[1:]),
        "lost: ('telegram', '1')",
    ),
    "I1 an update is kept twice": (
        replace(right(), kept=[*right().kept, replace(right().kept[1], id=16)]),
        "doubled: ('telegram', '2') is in 2 rows",
    ),
    "I1 a row is there that nobody sent": (
        replace(right(), kept=[*right().kept, Kept(16, ("telegram", "6"), LANE, "done", 1)]),
        "strange: row 16 has the key ('telegram', '6'), which nobody sent",
    ),
    "I2 an effect is there twice": (
        replace(right(), effects=[*right().effects, Effect(3, 14, 2)]),
        "row 14 (write, done) has 2 effects, not 1",
    ),
    "I2 a done row has no effect": (
        replace(right(), effects=right().effects[1:]),
        "row 11 (write, done) has 0 effects, not 1",
    ),
    "I2 a dead row has an effect": (
        replace(right(), effects=[right().effects[0], Effect(2, 13, 1), Effect(3, 14, 2)]),
        "row 13 (poison, dead) has 1 effects, not 0",
    ),
    "I2 an effect has no row": (
        replace(right(), effects=[*right().effects, Effect(3, 99, 2)]),
        "an effect of row 99, which is not there",
    ),
    "I3 rows stand in another order than they were sent": (
        replace(right(), sent=[replace(right().sent[0], place=9), *right().sent[1:]]),
        "stored out of order",
    ),
    "I3 effects came in another order": (
        replace(right(), effects=[Effect(1, 14, 1), Effect(2, 11, 1)]),
        "effects out of order in chat:1: row 11",
    ),
    "I3 an older term took effect after a newer one": (
        replace(right(), effects=[Effect(1, 11, 2), Effect(2, 14, 1)]),
        "effects out of order in chat:1: row 14 of term 1",
    ),
    "I3 a handler was started again after a later one": (
        replace(right(), starts=[*right().starts, Start(95, 2, 8, 12, 2)]),
        "started out of order in chat:1: row 12",
    ),
    "I5 a poison is not given up": (with_row(right(), 13, state="done"), "row 13 (poison) is done"),
    "I5 what could succeed was given up": (with_row(right(), 12, state="dead"), "row 12 (quiet) is dead"),
    "I5 started too often": (with_row(right(), 13, attempts=6), "was started 6 times, more than 5"),
    "I5 started more often than counted": (
        replace(right(), starts=[*right().starts[:7], *[right().starts[6]] * 2]),
        "row 13 was seen to start 7 times in 1 terms",
    ),
    "I6 a row is left ready": (with_row(right(), 14, state="ready"), "unfinished: row 14 of chat:1 is ready"),
    "I6 a row is left claimed": (with_row(right(), 12, state="claimed"), "unfinished: row 12 of chat:1 is claimed"),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_violation_is_seen(name: str) -> None:
    """One sentence at least, and the one that says it."""
    history, sentence = WRONG[name]
    found = judge(history, LIMIT, UNCOUNTED)
    assert any(sentence in each for each in found), found


def test_a_term_may_spare_a_start_or_cut_it_short() -> None:
    """What the database spoilt or a drain cut short was started and is not counted."""
    starts = [*right().starts[:7], *right().starts[6:]]
    assert judge(replace(right(), starts=starts), LIMIT, UNCOUNTED) == ()


def test_a_row_that_ran_in_as_many_processes_as_it_has_starts_may_be_dead() -> None:
    """It was near at each of their ends; in one process less somebody counted a start that was none."""
    dead = with_row(replace(right(), effects=right().effects[:1]), 14, state="dead", attempts=LIMIT)
    starts = [start for start in dead.starts if start.inbox_id != 14]
    near = [Start(200 + number, 2 + number, 20 + number, 14, 1 + number) for number in range(LIMIT)]
    assert judge(replace(dead, starts=[*starts, *near]), LIMIT, UNCOUNTED) == ()
    assert "row 14 (write) is dead" in told(judge(replace(dead, starts=[*starts, *near[1:]]), LIMIT, UNCOUNTED))


def test_a_lane_that_waits_for_too_much_of_a_hot_one_is_seen() -> None:
    """Six hot starts before one of another lane are more than five; those while its predecessor runs do not count."""
    rows = [Kept(n, ("telegram", str(n)), "chat:1" if n <= 6 else "chat:2", "done", 1) for n in range(1, 9)]
    effects = [Effect(n, n, 1, committed=10 * n + 5) for n in range(1, 9)]
    history = History([], rows, effects, [Start(10 * n, 1, 7, n, 1) for n in range(1, 9)])
    assert starved(history, "chat:1", 6) == []
    assert starved(history, "chat:1", 5) == ["starved: 6 starts of chat:1 came before row 7 of chat:2"]
    late = replace(history, starts=[Start(5, 1, 7, 7, 1), *history.starts[:6], Start(80, 1, 7, 8, 1)])
    assert starved(late, "chat:1", 0) == []
