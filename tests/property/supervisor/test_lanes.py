"""Lanes under any sequence of arrivals, failures, losses and settlements."""

from __future__ import annotations

import random
from collections import defaultdict, deque

from hypothesis import given
from hypothesis import strategies as st

from supervisor.child import Backoff
from supervisor.inbox.claims import Row
from supervisor.inbox.lanes import MAX_STARTS, Lanes

FATES = st.sampled_from(["done", "fail", "spare", "again", "hopeless"])


def by_lane(rows: list[Row]) -> dict[str, deque[Row]]:
    """Return the rows of each lane."""
    found: dict[str, deque[Row]] = defaultdict(deque)
    for row in rows:
        found[row.lane].append(row)
    return found


def claimed(waiting: dict[str, deque[Row]], lanes: Lanes) -> list[Row]:
    """Take the next row of each lane of which none is held, as a claim does."""
    return [rows.popleft() for lane, rows in waiting.items() if rows and lane not in lanes]


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=40),
    st.lists(FATES, min_size=1, max_size=400),
    st.integers(1, 6),
    st.randoms(use_true_random=False),
)
def test_every_lane_is_worked_off_in_order_one_at_a_time(
    names: list[int], fates: list[str], slots: int, rng: random.Random
) -> None:
    """Whatever happens, a lane is handed out once at a time, in order, and ends empty within bounded starts."""
    lanes = Lanes(backoff=Backoff(base=1.0, cap=8.0), rng=rng)
    rows = [Row(i, "telegram", str(i), f"lane:{name}", b"", 0, None, 0.0, 0.0) for i, name in enumerate(names)]
    waiting = by_lane(rows)
    settled: dict[str, list[int]] = defaultdict(list)
    starts: dict[int, int] = defaultdict(int)
    busy: list[Row] = []
    now = 0.0
    for step in range(20_000):
        lanes.add(claimed(waiting, lanes))
        if not len(lanes):
            break
        heads = lanes.heads(slots - len(busy), now)
        for row, _ in heads.doomed:
            lanes.settled(row)
            settled[row.lane].append(row.id)
        busy += heads.starting
        assert len({row.lane for row in busy}) == len(busy) <= slots
        if heads.doomed:
            continue
        if not busy:
            due = lanes.next_at()
            assert due is not None, "a lane that holds rows is ready, busy or waiting"
            now = due
            continue
        row = busy.pop(rng.randrange(len(busy)))
        fate = fates[step % len(fates)] if step < 3 * len(fates) else "done"
        now += 0.01
        if fate == "again":
            lanes.again([row], now)
        elif fate == "done":
            lanes.settled(row)
            settled[row.lane].append(row.id)
        elif fate == "spare" and lanes.spare(row, now) is not None:
            pass
        else:
            starts[row.id] += 1
            assert row.attempts == starts[row.id]
            lanes.failed(row, "Boom", now, for_good=fate == "hopeless")
    assert settled == {lane: [row.id for row in of] for lane, of in by_lane(rows).items()}
    assert all(count <= MAX_STARTS for count in starts.values())
