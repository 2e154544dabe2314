"""The feed against a table in memory: arrivals in any order of ids and commits, lanes of any size, losses, a small window."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from supervisor.inbox.feed import LATE_SECONDS, Feed, Seen, Span


class Table(RuleBasedStateMachine):
    """Ready rows as a database has them, and a worker that claims what its feed chooses."""

    def __init__(self) -> None:
        super().__init__()
        self.ids = 0
        self.now = 0.0
        self.ready: dict[int, str] = {}
        self.uncommitted: dict[int, str] = {}
        self.step = 0
        self.arrived: dict[int, tuple[int, float]] = {}
        self.committed: dict[int, tuple[int, float]] = {}
        self.held: set[str] = set()

    @initialize(window=st.integers(3, 9), keep=st.integers(1, 5))
    def begin(self, window: int, keep: int) -> None:
        self.window, self.keep = window, keep
        self.feed = self.new()

    def new(self) -> Feed:
        return Feed(self.held, window=self.window, keep=self.keep)

    @rule(lanes=st.lists(st.sampled_from("aaaaaabcd"), min_size=1, max_size=30), is_late=st.booleans())
    def arrive(self, lanes: list[str], is_late: bool) -> None:
        self.step += 1
        for lane in lanes:
            self.ids += 1
            self.arrived[self.ids] = self.step, self.now
            (self.uncommitted if is_late else self.ready)[self.ids] = lane
            if not is_late:
                self.committed[self.ids] = self.step, self.now

    @rule()
    def commit(self) -> None:
        self.step += 1
        self.committed |= dict.fromkeys(self.uncommitted, (self.step, self.now))
        self.ready |= self.uncommitted
        self.uncommitted = {}

    @rule(room=st.integers(1, 12), seconds=st.floats(0, 8))
    def claim(self, room: int, seconds: float) -> None:
        self.now += seconds
        self.feed.news(self.now)
        self.round(room)

    @rule(lane=st.sampled_from("abcd"), others=st.lists(st.sampled_from("aaaaaabcd"), min_size=1, max_size=9))
    def interleave(self, lane: str, others: list[str]) -> None:
        """Another instance's batch gets its ids, ours is seen, that one is committed, and its chat's next one comes."""
        self.arrive([lane], is_late=True)
        self.arrive(others, is_late=False)
        self.round(12)
        self.commit()
        self.arrive([lane], is_late=False)
        self.round(12)

    def round(self, room: int) -> bool:
        span = self.feed.span(room)
        if span is not None:
            self.feed.saw(span, self.look(span), self.now)
        chosen = self.feed.choose(room)
        assert len(chosen) <= room
        for row in chosen:
            assert self.ready.pop(row.id) == row.lane, "chosen twice, or never ready"
            earlier = [number for number, lane in self.ready.items() if lane == row.lane and number < row.id]
            assert not [number for number in earlier if self.is_owed(number, row.id)], "a row overtook one of its lane"
            assert row.lane not in self.held, "a second row of a lane"
            self.held.add(row.lane)
        return span is not None or bool(chosen)

    def is_owed(self, number: int, later: int) -> bool:
        """Whether this row comes first: the later one was sent after its commit, and that came soon enough."""
        (committed, at), (arrived, _) = self.committed[number], self.arrived[later]
        came_with_it = self.arrived[number][0] == arrived
        return (committed < arrived or came_with_it) and at - self.arrived[number][1] <= LATE_SECONDS

    def look(self, span: Span) -> list[Seen]:
        assert span.ahead <= max(self.window, 12)
        assert span.behind <= self.window
        ids = sorted(self.ready)
        ahead = [number for number in ids if number > span.head][: span.ahead]
        behind = [number for number in ids if span.after < number <= span.head][: span.behind]
        late = [number for number in span.gaps if number in self.ready]
        return [Seen(number, self.ready[number], False) for number in [*ahead, *behind, *late]]

    @rule(lane=st.sampled_from("abcd"))
    def settle(self, lane: str) -> None:
        self.held.discard(lane)

    @rule()
    def lose(self) -> None:
        """A claim is in doubt: what is held by nobody is ready again, and the feed begins anew."""
        self.feed = self.new()

    @invariant()
    def little_is_known(self) -> None:
        if hasattr(self, "feed"):
            assert all(len(known.ids) <= self.keep for known in self.feed._known.values())

    def teardown(self) -> None:
        """Nothing is forgotten: with time, and lanes that go on, every committed row is claimed."""
        if not hasattr(self, "feed"):
            return
        self.commit()
        for _ in range(1_000):
            self.now += 1.0
            self.feed.news(self.now)
            for _ in range(20):
                if not self.round(7):
                    break
                self.held.clear()
            self.held.clear()
            if not self.ready:
                break
        assert not self.ready, "rows were forgotten"


TestTable = Table.TestCase


@given(st.integers(1, 400), st.integers(0, 400))
def test_a_busy_lane_is_looked_at_once_and_again_only_as_it_goes_on(busy: int, others: int) -> None:
    """What a claim looks at is bounded by the rows it can choose, not by what waits behind a lane that is held."""
    window, keep = 40, 16
    feed = Feed(set(), window=window, keep=keep)
    rows: dict[int, str] = dict.fromkeys(range(1, busy + 1), "busy")
    rows |= {busy + number: f"calm{number}" for number in range(1, others + 1)}
    looked, claims = 0, 0
    total = len(rows)
    while rows:
        claims += 1
        span = feed.span(8)
        if span is not None:
            ids: Any = sorted(rows)
            found = [number for number in ids if number > span.head][: span.ahead]
            found += [number for number in ids if span.after < number <= span.head][: span.behind]
            looked += len(found)
            feed.saw(span, [Seen(number, rows[number], False) for number in found], 0.0)
        for row in feed.choose(8):
            del rows[row.id]
    # Each row once by the head, and once more for every `keep` rows that its lane is too long to be known.
    assert looked <= total + (busy // keep + 1) * window
