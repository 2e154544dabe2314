"""`vigil migrate`: what each verb prints and exits with, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from supervisor.migrator import load_migrations
from tests.integration.supervisor.migration.steps import run
from tests.process.app.test_cli import vigil

OURS = [migration.name for migration in load_migrations()]
Migrate = Callable[..., tuple[int, str]]


def migrate_on(home: Path, url: str) -> Migrate:
    """Return a function that runs one verb on the database."""

    def migrate(*arguments: str) -> tuple[int, str]:
        done = vigil(home, "migrate", *arguments, DATABASE_URL=url)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    return migrate


@pytest.fixture
def fresh(home: Path, empty_database_url: str) -> Migrate:
    """The verbs on a database that no migration has seen."""
    return migrate_on(home, empty_database_url)


@pytest.fixture
def migrated(home: Path, database_url: str) -> Migrate:
    """The verbs on a database with the whole schema."""
    return migrate_on(home, database_url)


def as_json(answer: tuple[int, str]) -> Any:
    """Return the document that a verb printed."""
    return json.loads(answer[1])


def test_plan_says_what_apply_then_does(fresh: Migrate) -> None:
    """In order, with phase and time; and nothing once all is in effect."""
    planned = as_json(fresh("plan", "--json"))
    assert [file["name"] for file in planned["files"]] == OURS
    assert {(file["phase"], file["when"]) for file in planned["files"]} == {("pre", "now")}
    assert (planned["refused"], planned["unknown"]) == (False, [])
    assert as_json(fresh("apply", "--json"))["applied"] == OURS
    assert fresh("plan") == (0, "Nothing to apply.\n")


def test_verify_ends_with_1_and_names_what_is_amiss(migrated: Migrate, database_url: str) -> None:
    """A function dropped by hand is found, though the history says success."""
    assert migrated("verify") == (0, "History, files and schema agree.\n")
    anyio.run(run, database_url, "DROP FUNCTION lock_release(bigint, text, bigint)", "SELECT 1")
    code, text = migrated("verify")
    assert (code, "function lock_release(bigint,text,bigint) is missing" in text) == (1, True)
    found = as_json(migrated("verify", "--json"))
    assert (found["ok"], [finding["name"] for finding in found["findings"]]) == (False, ["schema"])


def test_baseline_and_repair_put_a_history_right(migrated: Migrate, database_url: str) -> None:
    """First there is nothing to do; then a lost row and a lost text come back, both proved."""
    assert migrated("baseline") == (0, "Nothing to record.\n")
    assert migrated("repair") == (0, "Nothing to repair.\n")
    anyio.run(run, database_url, f"DELETE FROM migration_history WHERE migration_name = '{OURS[0]}'", "SELECT 1")  # noqa: S608 - our own name
    assert migrated("apply")[0] == 78
    assert as_json(migrated("baseline", "--json"))["recorded"] == [OURS[0]]
    anyio.run(run, database_url, "UPDATE migration_history SET checksum = 'other'", "SELECT 1")
    code, text = migrated("apply")
    assert (code, "was changed after it was applied" in text) == (78, True)
    assert [finding["name"] for finding in as_json(migrated("repair", "--json"))["changed"]] == OURS
    assert migrated("apply") == (0, "Nothing to apply.\n")


def test_a_late_file_needs_the_operators_leave(migrated: Migrate, database_url: str) -> None:
    """Plan ends with 1, apply with 78; with the flag it is tried."""
    anyio.run(run, database_url, "DELETE FROM migration_history WHERE migration_name LIKE '0002%'", "SELECT 1")
    code, text = migrated("plan")
    assert (code, "refused without --allow-out-of-order" in text) == (1, True)
    code, text = migrated("apply")
    assert (code, "--allow-out-of-order" in text) == (78, True)
    code, text = migrated("apply", "--allow-out-of-order")
    assert (code, "already exists" in text, "vigil migrate baseline" in text) == (78, True, True)
    code, text = migrated("plan")
    assert (code, "failed after 1 attempts" in text) == (1, True)
    assert migrated("status")[0] == 1
