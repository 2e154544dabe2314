"""Which lanes have something to send, and when."""

from __future__ import annotations

from bot.lanes import Lanes


def test_lanes_come_in_the_order_in_which_they_became_due() -> None:
    """One that was just served stands behind all that wait."""
    lanes = Lanes(9)
    for lane in "abc":
        assert lanes.add(lane, 0.0)
    assert lanes.take(0.0, 1) == ["a"]
    lanes.back("a", 0.0)
    assert lanes.take(0.0, 9) == ["b", "c", "a"]


def test_a_lane_that_waits_is_not_taken_before_it_is_due_and_not_twice() -> None:
    """Whoever asks for it again changes nothing."""
    lanes = Lanes(9)
    lanes.add("a", 5.0)
    lanes.add("a", 1.0)
    assert lanes.take(4.9, 9) == []
    assert lanes.next_due == 5.0
    assert lanes.take(5.0, 9) == ["a"]
    lanes.add("a", 5.0)
    assert lanes.take(9.0, 9) == []


def test_no_more_lanes_are_kept_than_allowed() -> None:
    """A lane that was forgotten makes room; a known one needs none."""
    lanes = Lanes(2)
    assert [lanes.add(lane, 0.0) for lane in "aabc"] == [True, True, True, False]
    lanes.forget(lanes.take(0.0, 1)[0])
    assert lanes.room == 1
    assert lanes.add("c", 0.0)
