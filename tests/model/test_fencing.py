"""S1 and S2 whatever the clocks say, and for each part of the fence the trace that its absence allows."""

from __future__ import annotations

import pytest

from tests.model.fencing import STALE_WRITE, TOKEN_TWICE, Fence, FenceRules
from tests.model.graph import TooLarge, explore

MUTANTS = {
    "fence without its lock": (FenceRules(lock=False), STALE_WRITE),
    "lock and token in one statement": (FenceRules(two_statements=False), STALE_WRITE),
    "a claim that waits for no writer": (FenceRules(claim_excludes=False), STALE_WRITE),
    "a claim answered before it is on disk": (FenceRules(claim_synchronous=False), TOKEN_TWICE),
    "epoch deleted on release": (FenceRules(epoch_kept=False), TOKEN_TWICE),
    "timeline left out of the token": (FenceRules(timeline=False), TOKEN_TWICE),
}


def test_no_stale_write_commits_and_no_token_is_given_out_twice() -> None:
    """With claims at any moment, crashes, and a promoted standby that has lost the last epochs."""
    report = explore(Fence(FenceRules()))
    print(report)  # noqa: T201 - the counts are what this test is read for
    assert (report.broken, report.trace) == (None, ())
    assert report.states > 10_000


@pytest.mark.parametrize("name", MUTANTS)
def test_without_this_part_the_fence_breaks(name: str) -> None:
    """Every part is needed."""
    rules, broken = MUTANTS[name]
    report = explore(Fence(rules))
    print(report)  # noqa: T201 - the trace is what this test is read for
    assert report.broken == broken


def test_a_search_that_was_cut_short_proves_nothing() -> None:
    """More states than allowed is a failure, not a result."""
    with pytest.raises(TooLarge):
        explore(Fence(FenceRules()), limit=1_000)
