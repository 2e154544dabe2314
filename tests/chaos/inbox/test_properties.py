"""What random faults seldom meet: a poison among innocents, a hot chat, a row that the database refuses."""

from __future__ import annotations

import random

import pytest

from tests.chaos.inbox.bodies import CHATS
from tests.chaos.inbox.feeder import Feeder, Mix
from tests.chaos.inbox.house import House
from tests.chaos.inbox.referee import Key, starved, told
from tests.chaos.inbox.script import Script
from tests.process.app.fleet import until

WRITE = Script("write")
HOT, HOT_ROWS = "chat:1", 1200
HOT_BOUND = 12
"""Without a cap, as many as do not fit into a worker's buffer; after one kill, too: only two make a head wait for others."""
COLD = [f"chat:{number}" for number in range(2, 12)]
COLD_ROWS = 10
REFUSED = Script("write", 1)
"""An update that the database is told to refuse; no other has a script of this name."""
REFUSING = (
    f"ALTER TABLE inbox ADD CONSTRAINT zz_refused CHECK (position('\"{REFUSED}\"' IN convert_from(body, 'UTF8')) = 0)"
)
ACCEPTED = "ALTER TABLE inbox DROP CONSTRAINT zz_refused"


@pytest.mark.timeout(120)
def test_a_poison_that_kills_its_process_takes_no_innocent_with_it(house: House) -> None:
    """I5: its neighbours die with it each time they run beside it; they are done in the end, and it alone is dead."""
    slow, deadly = Script("slow", 0.2), Script("deadly")
    house.give([("telegram", f"chat:{n}", deadly if n == 3 else slow) for n in range(1, 7)])
    house.give([("telegram", "chat:3", WRITE)])
    house.start("a", "b", settle=False)
    house.finish()
    assert house.verdict() == ""


@pytest.mark.parametrize("is_killed", [False, True], ids=["whole", "killed"])
def test_a_hot_chat_holds_nobody_up_even_when_its_instance_is_killed(house: House, is_killed: bool) -> None:
    """I4: behind 1200 rows of one chat, others wait for a few of them, before and after a takeover."""
    house.give([("telegram", HOT, WRITE)] * HOT_ROWS)
    house.give([("telegram", lane, WRITE) for _ in range(COLD_ROWS) for lane in COLD])
    house.start("a", "b")
    if is_killed:
        until(lambda: house.ask("SELECT FROM inbox_effect OFFSET 30"), house.story)
        house.wait_active().kill()
    house.finish()
    assert house.verdict() == ""
    assert told(starved(house.history(), HOT, HOT_BOUND)) == ""


def test_rows_of_every_source_are_handled_in_their_lanes_across_a_kill(house: House) -> None:
    """Nothing but the source tells them apart."""
    sources = {"telegram": "user:5", "kie": "task:1", "yookassa": "pay:1", "stripe": "pay:2"}
    scripts = (WRITE, Script("quiet"), Script("fail", 1), Script("slow", 0.1))
    house.give([(source, lane, script) for script in scripts for source, lane in sources.items()])
    # Operators' rows are the kernel's own: what is no command of theirs is a dead letter.
    house.give([("operator", "op:1", Script("none"))])
    first, _ = house.pair()
    first.kill()
    house.give([(source, lane, WRITE) for source, lane in sources.items()])
    house.finish()
    assert house.verdict() == ""


def test_a_row_that_the_database_refuses_holds_up_its_chat_alone(house: House) -> None:
    """I7: what shares a batch with a refused row is stored at once; that row is too, once the database takes it."""
    house.pair()
    house.ask(REFUSING)
    with house.fed(Mix({"write": 1}, pause=0.5, chatless=0, malformed=0), random.Random(7)) as feeder:
        with house.arena.locking(house.url, "LOCK TABLE inbox IN SHARE MODE"):
            # Some of them may be the first of a batch; behind those everything gathers.
            feeder.wanted.extend([REFUSED] * 4)
            until(lambda: not feeder.wanted and len(feeder.sent) - len(feeder.acked) >= len(CHATS) // 2, house.story)
        refused = {sent.key for sent in feeder.sent if sent.script == REFUSED}
        until(lambda: put_off(feeder) >= refused, house.story)
        house.ask(ACCEPTED)
    house.finish()
    assert house.verdict(feeder) == ""
    assert put_off(feeder) == refused


def put_off(feeder: Feeder) -> set[Key]:
    """Return what got a 503."""
    return {failure.key for failure in list(feeder.failures) if failure.what == "503"}
