"""I1 to I7 while random faults happen to two instances, one database and the links between them.

CHAOS_SEED repeats the order of a run, CHAOS_FAULTS sets its length. The moments at which faults hit are the machine's.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.chaos.inbox.faults import KILLS, OTHERS, Faults
from tests.chaos.inbox.feeder import MIXED, Feeder
from tests.chaos.inbox.house import House

FEW, SOME, MANY = 20, 5, 200
"""Kills in every run of the tests, other faults there, and of both in a long run."""
LONGEST_SECONDS = 2.5
SETTLE_SECONDS = (0.0, 1.0)
STORAGE = {"crash": 1, "restart": 1}
"""What makes a batch fail whose poller lives on."""
CALMER = replace(MIXED, scripts={**MIXED.scripts, "poison": 0.0})
"""What is sent last: a poison takes its starts' whole backoff to be given up."""

CAUGHT_UP_SECONDS = 300.0
"""A long run leaves thousands of rows behind, among them some that kill the process again."""


def through(house: House, *rounds: tuple[int, Mapping[str, int]], is_polling: bool = False) -> None:
    """Feed the instances through so many faults of each kind, and let the referee judge."""
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**9))
    print(f"CHAOS_SEED={seed}")  # noqa: T201 - shown with a failure, to repeat it
    rng, done = random.Random(seed), Counter[str]()
    house.pair(**(house.polling if is_polling else {}))
    with (house.polled if is_polling else house.fed)(MIXED, random.Random(seed)) as feeder:
        for number, weights in rounds:
            faults = Faults(
                house, rng, LONGEST_SECONDS, weights, SETTLE_SECONDS, after_each=lambda name: whole(house, feeder, name)
            )
            if is_polling:
                faults.progress = lambda: feeder.answers["polls"]
            faults.run(int(os.environ.get("CHAOS_FAULTS") or number))
            done.update(faults.done)
        feeder.mix = CALMER
    house.finish(CAUGHT_UP_SECONDS)
    found, epoch = house.verdict(feeder), house.ask("SELECT epoch FROM lock_epoch")[0]["epoch"]
    print(  # noqa: T201 - the figures of the run
        f"seed {seed}: {sum(done.values())} faults {dict(done)}, {epoch} terms, {len(feeder.sent)} updates in "
        f"{sum(feeder.answers.values())} deliveries {dict(feeder.answers)}, violations: {found or 'none'}"
    )
    assert found == ""
    assert min(feeder.answers[answer] for answer in feeder.certain) > 0


def whole(house: House, feeder: Feeder, fault: str) -> None:
    """Be sure, right after a fault, that nothing that was acknowledged is gone."""
    missing = house.missing(feeder)
    assert missing == [], f"after {fault}: {missing}"


@pytest.mark.timeout(150)
def test_twenty_kills_and_a_few_other_faults_lose_double_and_reorder_nothing(house: House) -> None:
    """A taste of the long run."""
    through(house, (FEW, KILLS), (1, STORAGE), (SOME, OTHERS))


@pytest.mark.timeout(150)
def test_twenty_kills_of_instances_that_poll_lose_double_and_reorder_nothing(house: House) -> None:
    """Polling mode, to the same properties: Telegram forgets what has been confirmed, and that is stored."""
    through(house, (FEW, KILLS), (2, STORAGE), is_polling=True)


@pytest.mark.chaos
@pytest.mark.timeout(2400)
def test_two_hundred_kills_and_as_many_other_faults_lose_double_and_reorder_nothing(house: House) -> None:
    """The bar of design/inbox.md."""
    through(house, (MANY, KILLS), (MANY, OTHERS), (MANY, {**KILLS, **OTHERS}))


@pytest.mark.chaos
@pytest.mark.timeout(2400)
def test_two_hundred_kills_and_as_many_other_faults_of_instances_that_poll_lose_nothing(house: House) -> None:
    """The bar of design/inbox.md, in polling mode."""
    through(house, (MANY, KILLS), (MANY, {**KILLS, **OTHERS}), is_polling=True)
