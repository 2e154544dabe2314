"""Random faults on three instances, judged: 0 overlaps, 0 inversions, 0 stale writes.

CHAOS_SEED repeats the order of a run, CHAOS_FAULTS sets its length. The moments at which faults hit are the machine's.
"""

from __future__ import annotations

import os
import random

import pytest

from supervisor.timing import PROFILES
from tests.chaos.faults import Faults
from tests.chaos.fleet import Fleet

FAST = PROFILES["fast"]
FEW, MANY = 15, 500


def through(fleet: Fleet, number: int) -> None:
    """Let so many faults happen, print what came of them, and let the referee judge."""
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**9))
    number = int(os.environ.get("CHAOS_FAULTS") or number)
    print(f"CHAOS_SEED={seed} CHAOS_FAULTS={number}")  # noqa: T201 - shown with a failure, to repeat it
    fleet.trio()
    faults = Faults(fleet, random.Random(seed), longest=FAST.lease + 2)
    faults.run(number)
    verdict = fleet.verdict()
    print(  # noqa: T201 - the figures of the run
        f"seed {seed}: {sum(faults.done.values())} faults {faults.done}, {verdict.terms} terms, "
        f"{verdict.stamps} stamps, {verdict.writes} writes, violations: {list(verdict.violations)}"
    )
    assert verdict.violations == ()


@pytest.mark.timeout(150)
def test_a_few_random_faults_make_no_two_act(fleet: Fleet) -> None:
    """A taste of the long run."""
    through(fleet, FEW)


@pytest.mark.chaos
@pytest.mark.timeout(2400)
def test_five_hundred_random_faults_make_no_two_act(fleet: Fleet) -> None:
    """The bar of design/leadership.md."""
    through(fleet, MANY)
