"""The predecessor's incident and its relatives: a schema that does not fit. Rows 1 and 3 of the matrix.

Elsewhere: the same with two keepers in one process, and the missing claim, are
tests/integration/supervisor/lock/test_broken_database.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.migrator import apply_migrations_safe
from supervisor.timing import PROFILES
from tests.chaos.arena import Arena
from tests.chaos.fleet import TABLE, Fleet
from tests.process.app.fleet import until

FAST = PROFILES["fast"]
RENEW = "lock_renew(bigint, text, bigint, integer)"
BREAK = f"ALTER FUNCTION {RENEW} RENAME TO lock_renew_gone;"
WRONG = "CREATE FUNCTION lock_renew(bigint, integer) RETURNS boolean LANGUAGE sql AS 'SELECT true';"
REPAIR = "ALTER FUNCTION lock_renew_gone(bigint, text, bigint, integer) RENAME TO lock_renew;"
UNREPAIRED = ("CREATE FUNCTION", "ALTER FUNCTION")


def test_a_renew_with_a_wrong_signature_ends_the_term_and_starts_no_loop(fleet: Fleet) -> None:
    """Row 1, the seed incident: the leader stops at D, no instance claims, repair brings one back, one term in all."""
    trio = fleet.trio()
    fleet.ask(BREAK + WRONG)
    until(lambda: all(instance.view()[1] == "schema" for instance in trio), fleet.story)
    assert fleet.active() is None
    fleet.keeps(1, FAST.lease)
    assert all(instance.alive for instance in trio)
    fleet.ask(REPAIR)
    fleet.wait_active(FAST.lease, beyond=1)
    fleet.keeps(2, FAST.lease / 2)


def test_before_the_lock_migration_an_instance_is_passive_and_does_not_crash(arena: Arena, home: Path) -> None:
    """Row 3: it says `schema`, waits, and contends by itself once the migration is there."""
    with arena.server.database(None) as url, Fleet(arena, url, home).running(table=False) as fleet:
        (instance,) = fleet.start("a")
        until(lambda: instance.view()[:2] == ("PASSIVE", "schema"), fleet.story)
        pid = instance.process.pid
        arena.portal.call(apply_migrations_safe, url)
        fleet.ask(TABLE)
        fleet.wait_active()
        assert instance.process.pid == pid
        assert fleet.verdict().violations == ()


@pytest.mark.chaos
@pytest.mark.timeout(120)
def test_repair_while_a_term_could_still_be_saved_costs_none(fleet: Fleet) -> None:
    """Row 1, mended within D: the same term goes on."""
    fleet.trio()
    for _ in range(3):
        fleet.ask(BREAK)
        fleet.keeps(1, FAST.renew)
        fleet.ask(REPAIR)
        fleet.keeps(1, FAST.soft)
