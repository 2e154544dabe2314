"""Which ready rows are chosen, and how late commits are found."""

from __future__ import annotations

from supervisor.inbox.feed import LATE_SECONDS, Feed, Seen


def chosen(feed: Feed, ready: dict[int, str], now: float, room: int = 10) -> list[int]:
    """Look once as a round does, and take what is chosen from the ready rows."""
    feed.news(now)
    span = feed.span(room)
    if span is not None:
        ids = sorted(ready)
        seen = [number for number in ids if number > span.head][: span.ahead]
        seen += [number for number in ids if span.after < number <= span.head][: span.behind]
        seen += [number for number in span.gaps if number in ready]
        feed.saw(span, [Seen(number, ready[number], False) for number in seen], now)
    found = [row.id for row in feed.choose(room)]
    for number in found:
        del ready[number]
    return found


def test_the_oldest_are_chosen_first() -> None:
    """Whatever waits longest goes first, whichever lane it is in."""
    feed, ready = Feed(set()), {1: "a", 2: "b", 3: "c"}
    assert [chosen(feed, ready, 0.0, 2), chosen(feed, ready, 0.0, 2)] == [[1, 2], [3]]


def test_of_a_lane_one_row_is_chosen_and_none_while_one_is_held() -> None:
    """However many it has and however old they are, they do not take the places of the others."""
    ready = dict.fromkeys(range(1, 9), "a") | dict.fromkeys(range(9, 17), "b") | {17: "c"}
    held = {"a"}
    feed = Feed(held)
    assert chosen(feed, ready, 0.0, 20) == [9, 17]
    held |= {"b", "c"}
    assert chosen(feed, ready, 0.0, 20) == []
    held.remove("a")
    assert chosen(feed, ready, 0.0, 20) == [1]


def test_a_row_that_was_committed_late_comes_before_the_next_of_its_lane() -> None:
    """The ids that were missing are asked for with every look ahead."""
    feed, ready = Feed(set()), {1: "a", 3: "b"}
    assert [chosen(feed, ready, 0.0), chosen(feed, ready, 0.0)] == [[1, 3], []]
    ready |= {2: "c", 4: "c"}
    assert chosen(feed, ready, 0.1) == [2]
    assert chosen(feed, ready, 0.2) == [4]


def test_a_row_that_is_too_late_to_be_asked_for_is_found_all_the_same() -> None:
    """Now and then everything that is ready is looked at again."""
    feed, ready, now = Feed(set()), {1: "a", 3: "b"}, 0.0
    assert chosen(feed, ready, now) == [1, 3]
    ready[4] = "a"
    found = []
    while now < 2 * LATE_SECONDS:
        now += 1.0
        found += chosen(feed, ready, now)
    ready |= {2: "c"}
    while now < 4 * LATE_SECONDS:
        now += 1.0
        found += chosen(feed, ready, now)
    assert found == [4, 2]
