"""The referee against histories made by hand: a referee that cannot fail is worth nothing."""

from __future__ import annotations

import pytest

from tests.chaos.referee import Kept, Stamp, judge

TERMS = [Kept(1, 1, 10.0), Kept(2, 2, 20.0), Kept(3, 4, 30.0)]
GOOD = [Stamp(100, 1, 11), Stamp(200, 1, 11), Stamp(300, 2, 22), Stamp(301, 2, 22), Stamp(400, 4, 11)]
WRITES = [Kept(1, 1, 11.0), Kept(2, 1, 19.9), Kept(3, 2, 20.1), Kept(4, 4, 31.0)]


def test_a_clean_history_is_clean() -> None:
    """One after another, an epoch without a single effect, a process that leads twice."""
    verdict = judge(GOOD, WRITES, TERMS)
    assert verdict.violations == ()
    assert (verdict.terms, verdict.stamps, verdict.writes) == (3, 5, 4)


def test_an_empty_history_is_clean() -> None:
    """Nothing happened, nothing went wrong."""
    assert judge([], [], []).violations == ()


@pytest.mark.parametrize(
    ("late", "says"),
    [
        (Stamp(300, 1, 11), "overlap"),
        (Stamp(350, 1, 11), "overlap"),
        (Stamp(401, 1, 11), "overlap"),
        (Stamp(500, 3, 33), "inversion"),
        (Stamp(500, 4, 33), "epoch 4 had 2 holders"),
        (Stamp(400, 5, 33), "overlap"),
    ],
)
def test_an_effect_of_a_term_that_is_over_is_found(late: Stamp, says: str) -> None:
    """At the same instant, inside of another's term, long after it, under a forgotten epoch, under another's epoch."""
    violations = judge([*GOOD, late], WRITES, TERMS).violations
    assert any(sentence.startswith(says) for sentence in violations), violations


def test_an_overlap_behind_a_short_term_is_found() -> None:
    """A long zombie hides behind a successor that ended early: its reach counts, not its neighbour."""
    stamps = [Stamp(100, 1, 11), Stamp(900, 1, 11), Stamp(200, 2, 22), Stamp(300, 2, 22), Stamp(800, 3, 33)]
    assert len([s for s in judge(stamps, [], TERMS).violations if s.startswith("overlap")]) == 2


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (Kept(5, 3, 31.0), "write 5 bears epoch 3"),
        (Kept(2, 1, 20.1), "stale write 2 of term 1"),
        (Kept(2, 1, 31.0), "stale write 2 of term 1"),
        (Kept(5, 2, 29.0), "write 5 of term 2 came after"),
    ],
)
def test_a_stale_write_is_found(write: Kept, says: str) -> None:
    """Inserted in time but committed too late, two terms too late, without a term, in the wrong order."""
    violations = judge(GOOD, [row for row in WRITES if row.number != write.number] + [write], TERMS).violations
    assert any(sentence.startswith(says) for sentence in violations), violations


@pytest.mark.parametrize("epoch", [4, 3])
def test_an_epoch_that_is_given_out_again_is_found(epoch: int) -> None:
    """The same one twice, or one that is smaller than an older one."""
    assert judge([], [], [*TERMS, Kept(4, epoch, 40.0)]).violations == (f"epoch {epoch} was recorded after epoch 4",)
