"""An index that is built concurrently: what is left when its migrator dies, and who clears it away."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from supervisor.database import ConnectionLost, connected, transaction
from supervisor.migration import State
from supervisor.migration_audit import repair_migrations, verify_migrations
from supervisor.migrator import MigrationFailed, apply_migrations_safe, migration_status
from telemetry import events, testing
from tests.integration.supervisor.migration.steps import files, history_of, process_applying, run

Eventually = Callable[..., Awaitable[Any]]
TABLE = "CREATE TABLE a (id int);"
INDEX = "-- migrate: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY a_by_id ON a (id);"
NAME = "0002_pre_step"
BUILDER = "SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database()"
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('a_by_id')"


@pytest.fixture
async def url(empty_database_url: str) -> str:
    """A database with the table."""
    await apply_migrations_safe(empty_database_url, files(TABLE))
    return empty_database_url


@asynccontextmanager
async def held_up(url: str, eventually: Eventually) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Keep a transaction open that a concurrent build waits for; lend a way to wait for the builder's pid."""
    async with (
        connected(url, application_name="test") as observer,
        connected(url, application_name="long") as other,
        transaction(other),
    ):
        await other.execute("INSERT INTO a VALUES (1)")
        yield lambda: eventually(lambda: observer.fetchval(BUILDER), seconds=20)


async def killed(url: str, eventually: Eventually) -> None:
    """Kill a migrator in the middle of the build; return when the server has noticed, too."""
    async with held_up(url, eventually) as building:
        async with await process_applying(url, TABLE, INDEX) as process:
            await building()
            process.send_signal(signal.SIGKILL)
        async with connected(url, application_name="test") as observer:
            await eventually(lambda: observer.fetchval(f"SELECT NOT EXISTS ({BUILDER})"), seconds=20)


async def test_the_half_of_a_killed_build_is_cleared_away_and_built_anew(url: str, eventually: Eventually) -> None:
    """The row says running meanwhile, and so does the status."""
    await killed(url, eventually)
    assert await run(url, VALID) is False
    assert (await history_of(url, NAME))["status"] == "running"
    status = await migration_status(url, files(TABLE, INDEX))
    assert (status.ok, [line.state for line in status.lines]) == (False, [State.APPLIED, State.RUNNING])
    assert [finding.name for finding in await verify_migrations(url, files(TABLE, INDEX))] == [NAME]

    assert (await apply_migrations_safe(url, files(TABLE, INDEX))).applied == (NAME,)
    assert await run(url, VALID) is True
    row = await history_of(url, NAME)
    assert (row["status"], row["attempts"], row["error_message"]) == ("success", 2, None)
    assert await verify_migrations(url, files(TABLE, INDEX)) == ()


async def test_repair_clears_the_half_away_without_building(url: str, eventually: Eventually) -> None:
    """For a build that had better wait for the night: the table is not burdened by half an index meanwhile."""
    await killed(url, eventually)
    done = await repair_migrations(url, files(TABLE, INDEX))
    assert [(finding.name, "interrupted" in finding.text) for finding in done.changed] == [(NAME, True)]
    assert await run(url, VALID) is None
    row = await history_of(url, NAME)
    assert (row["status"], "interrupted" in row["error_message"]) == ("failed", True)
    assert (await apply_migrations_safe(url, files(TABLE, INDEX))).applied == (NAME,)


async def test_a_build_whose_connection_is_cut_is_no_failure(url: str, eventually: Eventually) -> None:
    """Trying again helps; the row says running until then."""
    async with held_up(url, eventually) as building, anyio.create_task_group() as group:

        async def cut() -> None:
            await run(url, f"SELECT pg_terminate_backend({await building()})")

        group.start_soon(cut)
        with pytest.raises(ConnectionLost):
            await apply_migrations_safe(url, files(TABLE, INDEX))
    assert (await history_of(url, NAME))["status"] == "running"
    assert (await apply_migrations_safe(url, files(TABLE, INDEX))).applied == (NAME,)


async def test_a_build_that_fails_leaves_nothing_and_says_why(url: str) -> None:
    """The half is dropped at once: it would slow every write down and serve nobody."""
    await run(url, "INSERT INTO a VALUES (1), (1)", "SELECT 1")
    with pytest.raises(MigrationFailed, match=r"could not create unique index .*a_by_id"):
        await apply_migrations_safe(url, files(TABLE, INDEX))
    assert await run(url, VALID) is None
    assert (await history_of(url, NAME))["status"] == "failed"
    await run(url, "CREATE INDEX a_by_id ON a (id)", "SELECT 1")
    with pytest.raises(MigrationFailed, match="already exists"):
        await apply_migrations_safe(url, files(TABLE, INDEX))
    await run(url, "DROP INDEX a_by_id", "DELETE FROM a", "SELECT 1")
    assert (await apply_migrations_safe(url, files(TABLE, INDEX))).applied == (NAME,)


async def test_an_index_of_another_making_is_never_dropped(url: str) -> None:
    """Only what a row says is ours to clear away is cleared away."""
    await run(url, "CREATE INDEX a_by_id ON a (id)", "SELECT 1")
    with pytest.raises(MigrationFailed, match="already exists") as failure:
        await apply_migrations_safe(url, files(TABLE, INDEX))
    assert "baseline" in str(failure.value.hint)
    assert await run(url, VALID) is True


async def test_a_build_that_was_finished_and_not_recorded_is_recorded(url: str) -> None:
    """Killed between the two: the index is whole, and is not built twice."""
    _, index = files(TABLE, INDEX)
    await run(
        url,
        f"SELECT record_migration('{NAME}', 'running')",
        f"UPDATE migration_history SET checksum = '{index.checksum}'"  # noqa: S608 - our own text
        f" WHERE migration_name = '{NAME}'",
        index.text,
        "SELECT 1",
    )
    before = await run(url, "SELECT 'a_by_id'::regclass::oid")
    assert (await apply_migrations_safe(url, files(TABLE, INDEX))).applied == (NAME,)
    assert await run(url, "SELECT 'a_by_id'::regclass::oid") == before
    assert (await history_of(url, NAME))["status"] == "success"


async def test_a_build_outlasts_the_transactions_that_it_has_to_wait_for(
    url: str, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short lock_timeout is: a build holds nobody up, and begun anew it would wait for the next one."""
    monkeypatch.setattr("supervisor.migration_session.SESSION", {"lock_timeout": "50"})
    patient = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1::int AND now() - state_change > '0.2 s')"
    with testing.record() as recorded:
        async with (
            connected(url, application_name="test") as observer,
            anyio.create_task_group() as group,
            held_up(url, eventually) as building,
        ):
            group.start_soon(apply_migrations_safe, url, files(TABLE, INDEX))
            pid = await building()
            await eventually(lambda: observer.fetchval(patient, pid))
    assert recorded.all(events.MigrationBusy) == []
    assert (await history_of(url, NAME))["attempts"] == 1


async def test_the_patience_of_a_build_is_not_left_to_the_files_after_it(url: str) -> None:
    """A build may wait for ever, since nobody waits for it; a file that locks a table gives up within a second."""
    limits = "CREATE TABLE c AS SELECT current_setting('lock_timeout') || ' ' || current_setting('statement_timeout')"
    await apply_migrations_safe(url, files(TABLE, INDEX, limits))
    assert await run(url, "SELECT * FROM c") == "1s 15min"
