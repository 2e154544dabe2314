"""What the inbox promises, as rules over what was sent, what the database kept, and what handlers did. Pure.

I1 kept       an acknowledged update is one row        I5 given up   only what can only fail is dead, in bounded starts
I2 once       done is one effect, anything else none   I6 finished   nothing is left ready or claimed
I3 in order   per chat and lane, across retries,       I7 kept       a refused row loses no other: as I1
              terms and processes
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from tests.chaos.inbox.script import POISONOUS, Script

Key = tuple[str, str]
"""The source of an arrival and its key there."""
SHOWN = 5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sent:
    """One update: the `place`-th of its chat; `acked` when a 200 for it has arrived."""

    key: Key
    chat: str
    place: int
    script: Script
    acked: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """One row of the inbox at the end."""

    id: int
    key: Key
    lane: str
    state: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Effect:
    """One row that a handler wrote and committed, in the order of `number`."""

    number: int
    inbox_id: int
    epoch: int
    committed: int = 0
    """On the clock of the starts."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a handler, `at` these nanoseconds of CLOCK_MONOTONIC."""

    at: int
    epoch: int
    pid: int
    inbox_id: int
    attempt: int


@dataclass(frozen=True, slots=True)
class History:
    """Everything a run came to."""

    sent: Sequence[Sent]
    kept: Sequence[Kept]
    effects: Sequence[Effect]
    starts: Sequence[Start]

    @property
    def row_of(self) -> Mapping[Key, Kept]:
        """The row of each key."""
        return {row.key: row for row in self.kept}

    @property
    def script_of(self) -> Mapping[int, Script]:
        """The script of each row that was sent."""
        kept = self.row_of
        return {kept[sent.key].id: sent.script for sent in self.sent if sent.key in kept}

    @property
    def lane_of(self) -> Mapping[int, str]:
        """The lane of each row."""
        return {row.id: row.lane for row in self.kept}


def judge(history: History, max_starts: int, uncounted: int) -> tuple[str, ...]:
    """Apply every rule; return a sentence for each violation. So many starts of a row in one term need not be counted."""
    return (
        *lost(history),
        *strangely_kept(history),
        *unfinished(history),
        *wrongly_effective(history),
        *stored_out_of_order(history),
        *effects_out_of_order(history),
        *starts_out_of_order(history),
        *wrongly_dead(history, max_starts),
        *started_too_often(history, max_starts, uncounted),
    )


def lost(history: History) -> list[str]:
    """I1, I7: an acknowledged update that the database does not have."""
    kept = history.row_of
    return [f"lost: {sent.key} ({sent.script}) was acknowledged" for sent in history.sent if missing(sent, kept)]


def missing(sent: Sent, kept: Mapping[Key, Kept]) -> bool:
    """Tell whether it was acknowledged and is not there."""
    return sent.acked and sent.key not in kept


def strangely_kept(history: History) -> list[str]:
    """I1: an update that is in two rows, or a row that nobody has sent."""
    sent, rows = {sent.key for sent in history.sent}, Counter(row.key for row in history.kept)
    return [
        *(f"doubled: {key} is in {number} rows" for key, number in rows.items() if number > 1),
        *(
            f"strange: row {row.id} has the key {row.key}, which nobody sent"
            for row in history.kept
            if row.key not in sent
        ),
    ]


def unfinished(history: History) -> list[str]:
    """I6: a row that nobody has settled."""
    return [f"unfinished: row {row.id} of {row.lane} is {row.state}" for row in history.kept if _is_open(row)]


def _is_open(row: Kept) -> bool:
    return row.state not in {"done", "dead"}


def wrongly_effective(history: History) -> list[str]:
    """I2: an effect that is there twice, is missing, or has no done row."""
    effects, kept, found = Counter(effect.inbox_id for effect in history.effects), history.row_of, []
    for sent in history.sent:
        row = kept.get(sent.key)
        if row is None or _is_open(row):
            continue
        expected = int(sent.script.writes and row.state == "done")
        if effects[row.id] != expected:
            found.append(f"row {row.id} ({sent.script}, {row.state}) has {effects[row.id]} effects, not {expected}")
    strange = sorted(effects.keys() - {row.id for row in history.kept})
    return [*found, *(f"an effect of row {number}, which is not there" for number in strange)]


def stored_out_of_order(history: History) -> list[str]:
    """I3: two updates of a chat whose rows stand in another order than they were sent."""
    kept = history.row_of
    chats = _grouped([sent for sent in history.sent if sent.key in kept], lambda sent: sent.chat)
    return [
        f"stored out of order: {after.key} of {chat} has row {kept[after.key].id}, {before.key} before it row "
        f"{kept[before.key].id}"
        for chat, sents in chats.items()
        for before, after in pairwise(sorted(sents, key=lambda sent: sent.place))
        if kept[after.key].id < kept[before.key].id
    ]


def effects_out_of_order(history: History) -> list[str]:
    """I3: two effects of a lane in another order than their rows."""
    lanes = history.lane_of
    ordered = sorted(history.effects, key=lambda effect: effect.number)
    known = [effect for effect in ordered if effect.inbox_id in lanes]
    return [
        f"effects out of order in {lane}: row {after.inbox_id} of term {after.epoch} took effect after row "
        f"{before.inbox_id} of term {before.epoch}"
        for lane, effects in _grouped(known, lambda effect: lanes[effect.inbox_id]).items()
        for before, after in pairwise(effects)
        if (after.inbox_id, after.epoch) < (before.inbox_id, before.epoch) or after.epoch < before.epoch
    ]


def starts_out_of_order(history: History) -> list[str]:
    """I3: a handler that was started after that of a later row of its lane; what a stale term starts cannot commit."""
    lanes, scripts = history.lane_of, history.script_of

    def what(start: Start) -> str:
        return f" ({scripts.get(start.inbox_id)}, start {start.attempt})"

    ordered = sorted(history.starts, key=lambda start: (start.epoch, start.at))
    known = [start for start in ordered if start.inbox_id in lanes]
    return [
        f"started out of order in {lane}: row {after.inbox_id}{what(after)} in term {after.epoch} after row "
        f"{before.inbox_id}{what(before)} in term {before.epoch}"
        for lane, starts in _grouped(known, lambda start: lanes[start.inbox_id]).items()
        for before, after in pairwise(starts)
        if after.inbox_id < before.inbox_id
    ]


def wrongly_dead(history: History, max_starts: int) -> list[str]:
    """I5: what can only fail is dead after so many starts; what can succeed is not, unless it ran in so many processes.

    Whoever ends a process: a handler that runs at each of its ends is taken for the cause.
    """
    kept, found = history.row_of, []
    for sent in history.sent:
        row = kept.get(sent.key)
        if row is None or _is_open(row):
            continue
        hopeless = sent.script.word in {*POISONOUS, "none"}
        if (row.state == "dead") is not hopeless:
            seen = [start for start in history.starts if start.inbox_id == row.id]
            if row.state == "dead" and len({start.pid for start in seen}) >= max_starts:
                continue
            found.append(
                f"row {row.id} ({sent.script}) is {row.state} after {row.attempts} starts, "
                f"seen in terms {[start.epoch for start in seen]}"
            )
        if row.attempts > max_starts:
            found.append(f"row {row.id} ({sent.script}) was started {row.attempts} times, more than {max_starts}")
    return found


def started_too_often(history: History, max_starts: int, uncounted: int) -> list[str]:
    """I5: more starts than are counted and than each of its terms may have spared or handed back."""
    terms: dict[int, list[int]] = {}
    for start in history.starts:
        terms.setdefault(start.inbox_id, []).append(start.epoch)
    return [
        f"row {number} was seen to start {len(epochs)} times in {len(set(epochs))} terms"
        for number, epochs in terms.items()
        if len(epochs) > max_starts + uncounted * len(set(epochs))
    ]


def starved(history: History, hot: str, bound: int) -> list[str]:
    """I4: more than `bound` starts of the hot lane while a row that could start waited for it; all stood ready at first.

    It could when the one before it in its lane had committed: how long its own transactions take is the machine's.
    """
    lanes = history.lane_of
    hots = sorted(start.at for start in history.starts if lanes.get(start.inbox_id) == hot)
    last = {start.inbox_id: start.at for start in sorted(history.starts, key=lambda start: start.at)}
    effects = sorted(history.effects, key=lambda effect: effect.number)
    cold = _grouped([each for each in effects if lanes[each.inbox_id] != hot], lambda each: lanes[each.inbox_id])
    found = []
    for lane, ended in cold.items():
        since = 0
        for effect in ended:
            at = last[effect.inbox_id]
            passed = bisect(hots, at) - bisect(hots, since)
            if passed > bound:
                found.append(f"starved: {passed} starts of {hot} came before row {effect.inbox_id} of {lane}")
            since = effect.committed
    return found


def told(sentences: Sequence[str]) -> str:
    """Return the first few and how many there are."""
    more = f"\n… {len(sentences)} in all" if len(sentences) > SHOWN else ""
    return "\n".join(sentences[:SHOWN]) + more


def _grouped(items: Iterable[T], name: Callable[[T], str]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(name(item), []).append(item)
    return groups
