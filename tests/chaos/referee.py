"""Judges a fault run afterwards: pure functions over what the instances stamped and what the database kept.

A stamp is written right after `check()` let an effect pass, on a clock that every process of the machine shares. A row
carries the time of its commit: a writer of an old term that slips in is seen by that, not by the order of its insert.
Each function returns one sentence for every violation; no violation, no sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """An effect that process `pid` let pass in term `epoch`, at `at` nanoseconds."""

    at: int
    epoch: int
    pid: int


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """From the first to the last effect of one process in one term."""

    first: int
    last: int
    epoch: int
    pid: int

    def __str__(self) -> str:
        return f"term {self.epoch} of process {self.pid} [{self.first / 1e9:.4f} s, {self.last / 1e9:.4f} s]"


@dataclass(frozen=True, slots=True)
class Kept:
    """A row that the database kept: a fenced write or a term, in the order of `number`, committed at `committed`."""

    number: int
    epoch: int
    committed: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to."""

    terms: int
    stamps: int
    writes: int
    violations: tuple[str, ...]


def judge(stamps: Sequence[Stamp], writes: Sequence[Kept], terms: Sequence[Kept]) -> Verdict:
    """Apply every rule."""
    found = intervals(stamps)
    violations = (*overlaps(found), *inversions(found), *shared(found), *stale(writes, terms), *unordered(terms))
    return Verdict(len(terms), len(stamps), len(writes), violations)


def intervals(stamps: Iterable[Stamp]) -> list[Interval]:
    """Return when each process acted in each term, by their beginnings."""
    reach: dict[tuple[int, int], tuple[int, int]] = {}
    for stamp in stamps:
        first, last = reach.get((stamp.epoch, stamp.pid), (stamp.at, stamp.at))
        reach[stamp.epoch, stamp.pid] = min(first, stamp.at), max(last, stamp.at)
    return sorted(Interval(first, last, epoch, pid) for (epoch, pid), (first, last) in reach.items())


def overlaps(found: Sequence[Interval]) -> list[str]:
    """Two that acted at one time."""
    sentences = []
    latest: Interval | None = None
    for interval in found:
        if latest is not None and interval.first <= latest.last:
            both = (min(latest.last, interval.last) - interval.first) / 1e9
            sentences.append(f"overlap of {both:.4f} s: {latest} and {interval}")
        if latest is None or interval.last > latest.last:
            latest = interval
    return sentences


def inversions(found: Sequence[Interval]) -> list[str]:
    """A smaller epoch that acted after a greater one had begun to."""
    return [
        f"inversion: {later} began after {before}" for before, later in pairwise(found) if later.epoch < before.epoch
    ]


def shared(found: Sequence[Interval]) -> list[str]:
    """One epoch in the hands of two processes."""
    holders: dict[int, set[int]] = {}
    for interval in found:
        holders.setdefault(interval.epoch, set()).add(interval.pid)
    return [
        f"epoch {epoch} had {len(pids)} holders: {sorted(pids)}" for epoch, pids in holders.items() if len(pids) > 1
    ]


def stale(writes: Sequence[Kept], terms: Sequence[Kept]) -> list[str]:
    """A write that was committed after a later term had begun, or that no term accounts for."""
    over: dict[int, float] = {}
    next_begins = inf
    for term in sorted(terms, key=lambda term: term.epoch, reverse=True):
        over[term.epoch] = next_begins
        next_begins = min(next_begins, term.committed)
    ordered = sorted(writes, key=lambda row: row.number)
    return [
        *(f"write {row.number} bears epoch {row.epoch}, which never began" for row in ordered if row.epoch not in over),
        *(
            f"stale write {row.number} of term {row.epoch}, committed {row.committed - over[row.epoch]:.6f} s after the next"
            for row in ordered
            if row.committed > over.get(row.epoch, inf)
        ),
        *(
            f"write {after.number} of term {after.epoch} came after write {before.number} of term {before.epoch}"
            for before, after in pairwise(ordered)
            if after.epoch < before.epoch
        ),
    ]


def unordered(terms: Sequence[Kept]) -> list[str]:
    """Terms whose epochs do not strictly increase in the order in which they were recorded."""
    ordered = sorted(terms, key=lambda term: term.number)
    return [
        f"epoch {after.epoch} was recorded after epoch {before.epoch}"
        for before, after in pairwise(ordered)
        if after.epoch <= before.epoch
    ]
