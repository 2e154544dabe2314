"""Checks of the database, with what was read as a parameter: among it what no test server can be made to say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.doctor import database
from supervisor.doctor.database import Facts
from supervisor.settings import Settings
from supervisor.term import lock_key_for

BOT = 7
WORDS = {5: "five", 6: "six", 7: "seven", 8: "eight"}
SERVER: dict[str, Any] = {
    "version": 180_004,
    "version_text": "18.4",
    "read_only": False,
    "connections": 97,
    "used": 5,
    "ours": 3,
    "role_limit": None,
}
LEASE = {
    "lock_key": lock_key_for(BOT),
    "state": "held",
    "epoch": 4,
    "token_epoch": 4,
    "instance_id": "one-00000001",
    "expires_in": 8.0,
    "heartbeat_age": 1.0,
}
WELL = Facts(
    server=SERVER,
    pooled=False,
    clock_offset=0.01,
    lacking=(),
    functions=(),
    migrations=(True, 5),
    bot={"bot_id": str(BOT), "lock_key": lock_key_for(BOT)},
    leases=(LEASE,),
)


def results(facts: Facts, **options: Any) -> dict[str, str]:
    given: dict[str, Any] = {"pooled_url": None, "bot_id": BOT, "pool_size": 10, **options}
    return {check.name: check.result for check in database.judge(facts, **given)}


def test_a_database_that_is_well_passes_every_check() -> None:
    """No check warns of nothing."""
    assert set(results(WELL).values()) == {"ok"}


@pytest.mark.parametrize(("offset", "result"), [(0.2, "ok"), (-4.9, "ok"), (5.1, "warning"), (-3600.0, "warning")])
def test_a_clock_that_is_off_is_a_warning_and_no_failure(offset: float, result: str) -> None:
    """The lock compares no wall clocks; times in logs mislead all the same."""
    assert results(replace(WELL, clock_offset=offset))["clock offset"] == result


def test_an_old_server_fails() -> None:
    """PostgreSQL 14 lacks what the schema uses."""
    assert results(replace(WELL, server={**SERVER, "version": 140_010}))["server"] == "failed"


def test_a_pooler_before_the_lock_is_told_with_its_price() -> None:
    """It is as safe, and slower to notice a death."""
    (pooler,) = [
        each
        for each in database.judge(replace(WELL, pooled=True), pooled_url=None, bot_id=BOT, pool_size=10)
        if each.name == "pooler"
    ]
    assert pooler.result == "warning"
    assert "lease-only" in pooler.found
    assert "DATABASE_URL_DIRECT" in (pooler.hint or "")
    assert results(WELL, pooled_url=True)["pooler"] == "ok"


def test_another_bots_database_fails() -> None:
    """Two bots in one database would fence each other for ever."""
    assert results(WELL, bot_id=8)["bot"] == "failed"
    assert results(replace(WELL, bot={"bot_id": str(BOT), "lock_key": 1}))["bot"] == "failed"
    assert results(WELL, bot_id=None)["bot"] == "skip"
    assert results(replace(WELL, bot={"bot_id": None, "lock_key": None}))["bot"] == "ok"


@pytest.mark.parametrize(
    ("leases", "result"),
    [
        (None, "skip"),
        ((), "ok"),
        (({**LEASE, "state": "free"},), "ok"),
        (({**LEASE, "state": "broken"},), "ok"),
        (({**LEASE, "expires_in": -60.0},), "warning"),
        (({**LEASE, "token_epoch": 9},), "failed"),
        (({**LEASE, "token_epoch": None},), "failed"),
        ((LEASE, {**LEASE, "lock_key": 1}), "failed"),
    ],
)
def test_a_lease_row_that_cannot_be_is_found(leases: Any, result: str) -> None:
    """Rows written by hand, a foreign one, a holder that is gone."""
    assert results(replace(WELL, leases=leases))["lease"] == result


@pytest.mark.parametrize(("change", "result"), [({}, "ok"), ({"used": 85}, "warning"), ({"role_limit": 10}, "warning")])
def test_too_few_connections_for_one_more_instance_is_a_warning(change: dict[str, Any], result: str) -> None:
    """A standby that finds no room is none."""
    assert results(replace(WELL, server={**SERVER, **change}))["connections"] == result


def test_the_doctor_and_the_page_about_scale_count_connections_alike() -> None:
    """Who plans by the page must not be warned by the doctor, nor the other way round."""
    size, usable = Settings.model_fields["db_maxconn"].default, 97
    takes = size + database.BESIDE_POOL
    page = re.sub(r"\s+", " ", (Path(__file__).parents[4] / "docs" / "scale.md").read_text(encoding="utf-8"))
    assert f"at most `DB_MAXCONN` ({size}) + {database.BESIDE_POOL} connections" in page
    assert f"{usable} hold {WORDS[usable // takes]} instances" in page
    assert f"| connections | {usable // takes} instances |" in page
    (told,) = [
        each.found
        for each in database.judge(WELL, pooled_url=None, bot_id=BOT, pool_size=size)
        if each.name == "connections"
    ]
    assert told.endswith(f"an instance takes up to {takes}")
