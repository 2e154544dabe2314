"""The rules by which claimed rows are handed out."""

from __future__ import annotations

import random

from supervisor.child import Backoff
from supervisor.inbox.claims import Row
from supervisor.inbox.lanes import MAX_SPARED, MAX_STARTS, Lanes, started


def row(number: int, lane: str = "chat:1", attempts: int = 0) -> Row:
    return Row(number, "telegram", str(number), lane, b"{}", attempts, None, 0.0, 0.0)


def lanes() -> Lanes:
    return Lanes(backoff=Backoff(base=1.0, cap=30.0), rng=random.Random(1))


def test_one_lane_hands_out_one_row_at_a_time_and_in_order() -> None:
    """The second row comes only after the first was settled."""
    held = lanes()
    held.add([row(1), row(2)])
    assert held.heads(10, 0.0) == [row(1)]
    assert held.heads(10, 0.0) == []
    held.settled(row(1))
    assert held.heads(10, 0.0) == [row(2)]
    held.settled(row(2))
    assert len(held) == 0
    assert held.held() == {}


def test_lanes_are_handed_out_beside_each_other_up_to_the_limit() -> None:
    """Three lanes and two slots: two heads now, the third with the next slot."""
    held = lanes()
    held.add([row(1, "a"), row(2, "b"), row(3, "c")])
    assert [head.id for head in held.heads(2, 0.0)] == [1, 2]
    assert [head.id for head in held.heads(2, 0.0)] == [3]


def test_a_lane_with_more_rows_waits_for_the_others_before_its_next() -> None:
    """Ready lanes take turns: a busy chat does not get every slot that is freed."""
    held = lanes()
    held.add([row(1, "busy"), row(2, "busy"), row(3, "calm")])
    assert [head.id for head in held.heads(1, 0.0)] == [1]
    held.settled(row(1, "busy"))
    assert [head.id for head in held.heads(2, 0.0)] == [3, 2]


def test_a_failing_head_holds_up_its_lane_until_its_delay_has_passed() -> None:
    """Nothing of the lane is handed out meanwhile; the other lane goes on."""
    held = lanes()
    held.add([row(1, "a"), row(2, "a"), row(3, "b")])
    held.heads(2, 0.0)
    delay = held.failed(started(row(1, "a")), "Boom", 100.0)
    held.settled(row(3, "b"))
    assert delay is not None
    assert held.heads(10, 100.0) == []
    assert held.next_at() == 100.0 + delay
    assert [(head.id, head.attempts) for head in held.heads(10, 100.0 + delay)] == [(1, 1)]


def test_after_its_last_start_a_head_is_handed_out_doomed_and_then_the_lane_goes_on() -> None:
    """Five starts, then the reason of the last failure is why it is given up."""
    held, now = lanes(), 0.0
    held.add([row(1), row(2)])
    for start in range(1, MAX_STARTS + 1):
        (head,) = held.heads(1, now)
        assert held.doom(head) is None
        delay = held.failed(started(head), f"Boom {start}", now)
        assert (delay is None) == (start == MAX_STARTS)
        now += delay or 0.0
    (head,) = held.heads(1, now)
    assert held.doom(head) == f"Boom {MAX_STARTS}"
    held.settled(head)
    (following,) = held.heads(1, now)
    assert (following.id, held.doom(following)) == (2, None)


def test_a_hopeless_failure_dooms_the_head_at_once() -> None:
    """Starting it again cannot help, so the lane is not held up."""
    held = lanes()
    held.add([row(1)])
    (head,) = held.heads(1, 0.0)
    assert held.failed(started(head), "Unreadable", 0.0, for_good=True) is None
    (head,) = held.heads(1, 0.0)
    assert held.doom(head) == "Unreadable"


def test_a_row_that_was_started_often_enough_by_others_is_doomed_before_it_starts() -> None:
    """A handler that kills the process is found out by the count alone."""
    held = lanes()
    held.add([row(1, attempts=MAX_STARTS)])
    (head,) = held.heads(1, 0.0)
    assert "the process ended in its handler" in (held.doom(head) or "")


def test_a_spared_start_is_not_counted_and_sparing_has_an_end() -> None:
    """The loss of the database is not the handler's fault, but no row may block its lane for ever by it."""
    held, now = lanes(), 0.0
    held.add([row(1)])
    for _ in range(MAX_SPARED):
        (head,) = held.heads(1, now)
        assert head.attempts == 0
        delay = held.spare(started(head), now)
        assert delay is not None
        now += delay
    (head,) = held.heads(1, now)
    assert held.spare(started(head), now) is None


def test_heads_that_were_not_started_come_again() -> None:
    """A start that could not be written down costs the lane nothing but the pause."""
    held = lanes()
    held.add([row(1), row(2)])
    held.again(held.heads(1, 0.0), 5.0)
    assert held.heads(1, 4.0) == []
    assert held.heads(1, 5.0) == [row(1)]
