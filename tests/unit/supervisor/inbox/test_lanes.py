"""The rules by which claimed rows are handed out."""

from __future__ import annotations

import random

from supervisor.child import Backoff
from supervisor.inbox.claims import Row
from supervisor.inbox.lanes import MAX_SPARED, MAX_STARTS, MOST_SPARED, Lanes


def row(number: int, lane: str = "chat:1", attempts: int = 0) -> Row:
    return Row(number, "telegram", str(number), lane, b"{}", attempts, None, 0.0, 0.0)


def lanes() -> Lanes:
    return Lanes(backoff=Backoff(base=1.0, cap=30.0), rng=random.Random(1))


def starting(held: Lanes, limit: int, now: float = 0.0) -> list[int]:
    """The ids handed out to be started."""
    heads = held.heads(limit, now)
    assert not heads.doomed
    return [head.id for head in heads.starting]


def test_a_lane_hands_out_its_row_once_and_is_held_until_that_is_settled() -> None:
    """The next row of the lane may be claimed only then."""
    held = lanes()
    held.add([row(1)])
    assert starting(held, 10) == [1]
    assert starting(held, 10) == []
    assert ("chat:1" in held, len(held), held.ids()) == (True, 1, [1])
    held.settled(row(1))
    assert ("chat:1" in held, len(held), held.ids()) == (False, 0, [])


def test_a_head_that_the_claim_has_started_is_not_handed_out_again() -> None:
    """It is busy from the first moment; handed back, its start is not counted."""
    held = lanes()
    held.add([row(1, "a", attempts=1), row(2, "b", attempts=1)], {1})
    assert starting(held, 10) == [2]
    assert [(left.id, left.attempts) for left in held.unsettled()] == [(1, 0), (2, 1)]


def test_heads_are_handed_out_beside_each_other_up_to_the_limit_in_the_order_in_which_they_became_ready() -> None:
    """Three lanes and two slots: two heads now, the third with the next slot, before what comes after it."""
    held = lanes()
    held.add([row(1, "a"), row(2, "b"), row(3, "c")])
    assert starting(held, 2) == [1, 2]
    held.again([row(1, "a")], 0.0)
    held.add([row(4, "d")])
    assert starting(held, 4) == [3, 4, 1]


def test_a_failing_head_holds_up_its_lane_until_its_delay_has_passed() -> None:
    """Nothing of the lane is handed out or claimed meanwhile; the other lane goes on."""
    held = lanes()
    held.add([row(1, "a"), row(3, "b")])
    first, other = held.heads(2, 0.0).starting
    delay = held.failed(first, "Boom", 100.0)
    held.settled(other)
    assert delay is not None
    assert starting(held, 10, 100.0) == []
    assert held.waiting == 1
    assert ("a" in held, "b" in held) == (True, False)
    assert held.next_at() == 100.0 + delay
    assert [(head.id, head.attempts) for head in held.heads(10, 100.0 + delay).starting] == [(1, 2)]


def test_after_its_last_start_a_head_is_handed_out_doomed_and_then_the_lane_goes_on() -> None:
    """Five starts, then the reason of the last failure is why it is given up."""
    held, now = lanes(), 0.0
    held.add([row(1)])
    for start in range(1, MAX_STARTS + 1):
        (head,) = held.heads(1, now).starting
        assert head.attempts == start
        delay = held.failed(head, f"Boom {start}", now)
        assert (delay is None) == (start == MAX_STARTS)
        now += delay or 0.0
    heads = held.heads(1, now)
    assert [(head.id, why) for head, why in heads.doomed] == [(1, f"Boom {MAX_STARTS}")]
    assert not heads.starting
    held.settled(heads.doomed[0][0])
    held.add([row(2)])
    assert [(head.id, head.attempts) for head in held.heads(1, now).starting] == [(2, 1)]


def test_a_hopeless_failure_dooms_the_head_at_once() -> None:
    """Starting it again cannot help, so the lane is not held up."""
    held = lanes()
    held.add([row(1)])
    (head,) = held.heads(1, 0.0).starting
    assert held.failed(head, "Unreadable", 0.0, for_good=True) is None
    assert held.heads(1, 0.0).doomed == [(head, "Unreadable")]


def test_a_row_that_was_started_often_enough_by_others_is_doomed_before_it_starts() -> None:
    """A handler that kills the process is found out by the count alone."""
    held = lanes()
    held.add([row(1, attempts=MAX_STARTS)])
    ((_, why),) = held.heads(1, 0.0).doomed
    assert "the process may have ended in its handler" in why


def test_suspects_of_a_killed_process_are_started_one_at_a_time_beside_the_others() -> None:
    """Of the rows that ran beside a deadly one, none may be counted to death with it; one crash makes nobody wait."""
    held = lanes()
    held.add([row(1, "a", attempts=2), row(2, "b", attempts=2), row(3, "c", attempts=1), row(4, "d")])
    assert starting(held, 10) == [1, 3, 4]
    assert starting(held, 10) == []
    held.settled(row(1, "a"))
    assert starting(held, 10) == [2]
    assert held.failed(row(2, "b", attempts=3), "Boom", 0.0) is not None
    held.add([row(5, "e", attempts=2)])
    assert starting(held, 10, 1e6) == [5, 2], "a row that has failed has not killed: it is no suspect any more"


def test_a_spared_start_is_not_counted_and_sparing_has_an_end() -> None:
    """The database's trouble is not the handler's fault; while it commits others, no row may block its lane by it."""
    held, now = lanes(), 0.0
    held.add([row(1), *(row(number, f"chat:{number}") for number in range(100, 200))])
    others = iter(held.heads(101, now).starting[1:])
    held.again([row(1)], now)
    for _ in range(MAX_SPARED):
        held.settled(next(others), committed=True)
        (head,) = held.heads(1, now).starting
        assert head.attempts == 1
        delay = held.spare(head, now)
        assert delay is not None
        now += delay
    held.settled(next(others), committed=True)
    (head,) = held.heads(1, now).starting
    assert held.spare(head, now) is None
    assert held.unsettled()[0].attempts == 0


def test_nobody_is_to_blame_while_the_database_commits_nothing() -> None:
    """A table that is locked for minutes: every row would be dead otherwise, and none of them was ever handled.

    But a statement of the row's own may be what never ends: that is not tried for ever.
    """
    held, now = lanes(), 0.0
    held.add([row(1)])
    for _ in range(MOST_SPARED):
        delay = held.spare(held.heads(1, now).starting[0], now)
        assert delay is not None
        now += delay
    assert now > 1200
    assert held.spare(held.heads(1, now).starting[0], now) is None


def test_heads_that_were_not_started_come_again() -> None:
    """A start that could not be written down costs the lane nothing but the pause."""
    held = lanes()
    held.add([row(1)])
    held.again(held.heads(1, 0.0).starting, 5.0)
    assert starting(held, 1, 4.0) == []
    assert [(head.id, head.attempts) for head in held.heads(1, 5.0).starting] == [(1, 1)]


def test_a_suspect_that_was_not_started_leaves_its_turn_to_the_next() -> None:
    """It waits for another round; the others that may have killed the process do not wait for it."""
    held = lanes()
    held.add([row(1, "a", attempts=2), row(2, "b", attempts=2)])
    held.again(held.heads(10, 0.0).starting, 5.0)
    assert starting(held, 10, 1.0) == [2]
