"""No offset confirms what was not stored, whatever the numbers of an answer have been turned into."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.offset import LARGEST, following

QUEUE = st.lists(st.integers(1, 400), min_size=1, max_size=40, unique=True).map(sorted)
UNREADABLE = st.one_of(st.none(), st.integers(LARGEST + 1, 2**70), st.integers(-(2**70), 0))


@given(QUEUE, st.data())
def test_what_was_not_fetched_is_never_confirmed(queue: list[int], data: st.DataObject) -> None:
    """Telegram holds `queue`; of the fetched ones any numbers may be unreadable, and gaps may lie anywhere."""
    asked = data.draw(st.one_of(st.none(), st.integers(1, 401)))
    held = [number for number in queue if asked is None or number >= asked]
    fetched = held[: data.draw(st.integers(1, 41))]
    shown = [data.draw(st.one_of(st.just(number), UNREADABLE)) for number in fetched]
    if not fetched:
        return
    offset = following(shown, asked)
    assert all(number >= (offset.value or 0) for number in held if number not in fetched)
    if any(read == number for read, number in zip(shown, fetched, strict=True)):
        assert offset.value is not None
        assert offset.sure, "there is no reason to wait"
        assert asked is None or offset.value > asked, "the next poll gets further"


@given(st.lists(st.integers(1, 400), min_size=1, max_size=60, unique=True).map(sorted), st.data())
def test_polling_ends_although_some_entries_are_unreadable(queue: list[int], data: st.DataObject) -> None:
    """Every entry is fetched at least once and the queue gets empty, if its numbers have no gaps."""
    queue = list(range(queue[0], queue[0] + len(queue)))
    unreadable = data.draw(st.sets(st.sampled_from(queue)))
    asked: int | None = queue[0]
    seen: set[int] = set()
    for _ in range(len(queue) + 1):
        held = [number for number in queue if asked is None or number >= asked]
        fetched = held[:7]
        if not fetched:
            break
        seen |= set(fetched)
        asked = following([None if number in unreadable else number for number in fetched], asked).value
    assert seen == set(queue)
