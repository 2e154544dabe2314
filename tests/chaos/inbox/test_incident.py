"""How the predecessor lost updates, each way once; reference: its incidents 18 to 20, 29, 33 and 34.

Elsewhere: a flush that is refused or late (tests/unit and tests/integration, the writer's), the webhook that is never
deleted (the bot's), the release that a drain owes (test_drain.py and tests/process/app/test_lifecycle.py).
"""

from __future__ import annotations

import random

from tests.chaos.inbox.feeder import Feeder, Mix
from tests.chaos.inbox.house import House, shortly
from tests.process.app.fleet import until

PLAIN = Mix({"write": 3, "quiet": 1}, pause=0.05)
PIDS = "SELECT DISTINCT pid FROM inbox_effect"


def enough(feeder: Feeder, number: int = 100) -> bool:
    """Tell whether so many have been acknowledged."""
    return len(feeder.acked) >= number


def test_what_reaches_a_standby_is_neither_dropped_nor_handled_by_it(house: House) -> None:
    """Incidents 18 and 20: a standby answered 200 and forgot; or span, taking and putting back what it might not do."""
    first, second = house.pair()
    with house.fed(PLAIN, random.Random(20)) as feeder:
        feeder.doors = [second.port]
        until(lambda: enough(feeder), house.story)
    house.finish()
    assert house.verdict(feeder) == ""
    assert {row["pid"] for row in house.ask(PIDS)} == {first.process.pid}
    assert {start.pid for start in house.starts()} == {first.process.pid}


def test_while_nobody_leads_updates_are_kept_and_nothing_is_started(house: House) -> None:
    """Incident 20: what came during a change of the leader was dropped; here it waits for the next term."""
    house.ask("ALTER FUNCTION lock_renew(bigint, text, bigint, integer) RENAME TO lock_renew_gone;")
    (only,) = house.start("a", settle=False)
    until(only.status, house.story)
    with house.fed(PLAIN, random.Random(21)) as feeder:
        shortly(1.0)
        assert house.starts() == []
        assert house.missing(feeder) == []
        house.ask("ALTER FUNCTION lock_renew_gone(bigint, text, bigint, integer) RENAME TO lock_renew;")
    house.finish()
    assert house.verdict(feeder) == ""


def test_what_cannot_be_stored_is_refused_and_comes_again(house: House) -> None:
    """Incidents 20 and 29: a full queue was answered with 200; here the database holds every batch, and senders hear 503."""
    house.start("a")
    house.wait_active()
    with house.fed(PLAIN, random.Random(29)) as feeder:
        until(lambda: enough(feeder, 20), house.story)
        with house.arena.locking(house.url, "LOCK TABLE inbox IN SHARE MODE"):
            before = feeder.answers["503"]
            until(lambda: feeder.answers["503"] > before, house.story)
            assert house.missing(feeder) == []
    house.finish()
    assert house.verdict(feeder) == ""


def test_updates_accepted_before_the_first_term_are_not_lost_when_it_begins(house: House) -> None:
    """Incident 20: the queue object was replaced when the workers started; here there is none but the table."""
    house.start("a", settle=False)
    with house.fed(PLAIN, random.Random(33)) as feeder:
        until(lambda: enough(feeder), house.story)
    house.finish()
    assert house.verdict(feeder) == ""
