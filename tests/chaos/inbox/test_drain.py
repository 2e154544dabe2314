"""SIGTERM while updates arrive by the hundred: what is claimed is finished or given back, and nobody is put off for it.

The port of the one that ends closes last, after the lease is free: until then it accepts, and from then on only its own
connections fail. Nowhere is there a 503.
"""

from __future__ import annotations

import random
import time

import pytest

from supervisor.errors import ExitCode
from tests.chaos.inbox.bodies import CHATS
from tests.chaos.inbox.door import GRACE_SECONDS, Door
from tests.chaos.inbox.feeder import Feeder, Mix
from tests.chaos.inbox.house import House, shortly
from tests.chaos.inbox.script import Script
from tests.process.app.fleet import until

MANY_CHATS = (*CHATS, *range(3001, 3031))
BUSY = Mix({"write": 75, "quiet": 20, "slow:0.05": 5}, pause=0.2)
LONG = [Script("slow", 3.5)] * 6
"""As many handlers as run at once, each longer than the three seconds that a drain has here."""
LOAD_SECONDS = 1.0
RETURNED = "SELECT count(*) AS rows, count(*) FILTER (WHERE attempts > 0) AS counted FROM inbox_return WHERE epoch = $1"
WORKED = "SELECT FROM inbox_effect WHERE epoch > $1::bigint"
CLAIMED = "SELECT FROM inbox WHERE state = 'claimed' AND owner_epoch = $1::bigint"
COUNTED_TWICE = "SELECT id, attempts FROM inbox WHERE state = 'done' AND attempts <> 1"


def loaded(house: House, feeder: Feeder, asked: list[Script]) -> None:
    """Let updates arrive for a while; return while as many handlers as may run are in what was asked for."""
    shortly(LOAD_SECONDS)
    feeder.wanted.extend(asked)
    started = len(house.starts())
    until(lambda: not feeder.wanted and len(house.starts()) >= started + len(asked), house.story)


def drained(house: House, feeder: Feeder, door: Door, *, hurried: bool = False) -> None:
    """Ask the ACTIVE to end, in time and in order; check what it reports against what the database shows."""
    (epoch,) = [row["epoch"] for row in house.ask("SELECT epoch FROM lock_epoch")]
    began = time.monotonic()
    door.terminate()
    if hurried:
        until(lambda: door.said("lifecycle.draining"), house.story)
        door.terminate()
    assert door.wait(GRACE_SECONDS) == ExitCode.OK, door.output()[-3000:]
    ended = time.monotonic()
    (report,) = [line["fields"]["handed_back"] for line in door.said("lifecycle.drained")]
    ((rows, counted),) = house.ask(RETURNED, epoch)
    assert (rows, counted) == (report, 0)
    assert house.ask(CLAIMED, epoch) == []
    if len(house.doors) > 1:
        meanwhile = [each for each in list(feeder.failures) if began < each.at < ended]
        assert [each for each in meanwhile if each.door != door.port or each.what == "503"] == []
        others = [at for at, port in list(feeder.acks) if began < at < ended and port != door.port]
        assert others, "the other instance went on accepting"
        until(lambda: house.ask(WORKED, epoch), house.story)


def settled(house: House, feeder: Feeder) -> None:
    """Be sure that all is done, each in one start: what a drain gave back was not counted."""
    house.finish()
    assert house.verdict(feeder) == ""
    assert house.ask(COUNTED_TWICE) == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("asked", "hurried"), [([], False), (LONG, False), (LONG, True)], ids=["busy", "long", "hurry"]
)
def test_a_drain_under_load_finishes_or_gives_back_and_the_other_goes_on(
    house: House, asked: list[Script], hurried: bool
) -> None:
    """Exit 0 within the grace, a report that the database confirms, attempts unchanged, all done once, nobody put off."""
    first, _ = house.pair()
    with house.fed(BUSY, random.Random(3), MANY_CHATS) as feeder:
        loaded(house, feeder, asked)
        drained(house, feeder, first, hurried=hurried)
    settled(house, feeder)


@pytest.mark.timeout(120)
def test_a_drain_without_a_standby_keeps_what_was_accepted_for_the_next_start(house: House) -> None:
    """Alone: until the next start senders are refused, and nothing that was acknowledged is lost."""
    (only,) = house.start("a")
    house.wait_active()
    with house.fed(BUSY, random.Random(4), MANY_CHATS) as feeder:
        loaded(house, feeder, LONG)
        drained(house, feeder, only)
        assert house.missing(feeder) == []
        house.start("a")
    settled(house, feeder)
