"""What random faults seldom meet: a poison among innocents, a hot chat, a row that the database refuses."""

from __future__ import annotations

import random

import pytest

from tests.chaos.inbox.feeder import Mix
from tests.chaos.inbox.house import House, shortly
from tests.chaos.inbox.referee import starved, told
from tests.chaos.inbox.script import Script
from tests.process.app.fleet import until

WRITE = Script("write")
HOT, HOT_ROWS = "chat:1", 800
HOT_BOUND, HOT_BOUND_AFTER_A_KILL = 12, 64
"""Without a cap, more than as many hot rows as handlers; a head that may have killed a process waits for others like it."""
COLD = [f"chat:{number}" for number in range(2, 12)]
COLD_ROWS = 10
REFUSED = "ALTER TABLE inbox ADD CONSTRAINT zz_refused CHECK (position('refused' IN convert_from(body, 'UTF8')) = 0)"
ACCEPTED = "ALTER TABLE inbox DROP CONSTRAINT zz_refused"


@pytest.mark.timeout(120)
def test_a_poison_that_kills_its_process_takes_no_innocent_with_it(house: House) -> None:
    """I5: its neighbours die with it each time they run beside it; they are done in the end, and it alone is dead."""
    slow, deadly = Script("slow", 0.2), Script("deadly")
    house.give([("telegram", f"chat:{n}", deadly if n == 3 else slow) for n in range(1, 7)])
    house.give([("telegram", "chat:3", WRITE)])
    house.start("a", "b")
    house.finish()
    assert house.verdict() == ""


@pytest.mark.parametrize("is_killed", [False, True], ids=["whole", "killed"])
def test_a_hot_chat_holds_nobody_up_even_when_its_instance_is_killed(house: House, is_killed: bool) -> None:
    """I4: behind 800 rows of one chat, others wait for a few of them, before and after a takeover."""
    house.give([("telegram", HOT, WRITE)] * HOT_ROWS)
    house.give([("telegram", lane, WRITE) for _ in range(COLD_ROWS) for lane in COLD])
    house.start("a", "b")
    if is_killed:
        until(lambda: house.ask("SELECT FROM inbox_effect OFFSET 30"), house.story)
        house.wait_active().kill()
    house.finish()
    assert house.verdict() == ""
    assert told(starved(house.history(), HOT, HOT_BOUND_AFTER_A_KILL if is_killed else HOT_BOUND)) == ""


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
    """I7: while one row of each batch is refused every other is stored; it is too, once the database takes it."""
    house.pair()
    house.ask(REFUSED)
    with house.fed(Mix({"write": 1}, pause=0.05, chatless=0, malformed=0), random.Random(7)) as feeder:
        feeder.wanted.append(Script("write", 1))
        shortly(0.5)
        house.ask(ACCEPTED)
    house.finish()
    assert house.verdict(feeder) == ""
