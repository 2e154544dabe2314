"""The six tests that other migration tools fail: many at once, edited, late, failing, concurrent index, killed."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from supervisor.database import connected, transaction
from supervisor.errors import ConfigError
from supervisor.migration import Migration
from supervisor.migrator import MigrationFailed, apply_migrations_safe
from tests.integration.supervisor.migration.steps import files, history_of, process_applying, run, tables_of

Eventually = Callable[..., Awaitable[Any]]
ONE, TWO, THREE = "CREATE TABLE a (id int);", "CREATE TABLE b (id int);", "CREATE TABLE c (id int);"
INDEX = "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY a_by_id ON a (id);"
ASLEEP = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database())"


async def test_m1_three_processes_migrate_at_once(empty_database_url: str) -> None:
    """Every one of them succeeds, and each file is applied once."""
    texts = (ONE, f"{TWO} SELECT pg_sleep(0.2);", THREE)
    applied: list[str] = []
    codes: list[int | None] = []

    async def migrate() -> None:
        async with await process_applying(empty_database_url, *texts) as process:
            assert process.stdout is not None
            applied.extend(b"".join([part async for part in process.stdout]).decode().split())
            codes.append(await process.wait())

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(migrate)
    assert codes == [0, 0, 0]
    assert sorted(applied) == ["0001_pre_step", "0002_pre_step", "0003_pre_step"]


async def test_m2_an_applied_file_that_was_edited_is_refused(empty_database_url: str) -> None:
    """By name, with the date and both checksums; nothing else runs."""
    await apply_migrations_safe(empty_database_url, files(ONE))
    with pytest.raises(
        ConfigError, match=r"0001_pre_step was changed after it was applied at \d{4}-.*applied .*, file "
    ):
        await apply_migrations_safe(empty_database_url, files(TWO, THREE))
    assert await tables_of(empty_database_url) == {"a"}


async def test_m3_a_file_with_an_older_number_is_refused_unless_the_operator_allows_it(empty_database_url: str) -> None:
    """Here it would run after what it runs before on a new database; only a person can know that it does not matter."""
    one, two, three = files(ONE, TWO, THREE)
    await apply_migrations_safe(empty_database_url, [one, three])
    with pytest.raises(ConfigError, match="0002_pre_step would run after a newer file") as refusal:
        await apply_migrations_safe(empty_database_url, [one, two, three])
    assert "--allow-out-of-order" in str(refusal.value.hint)
    assert await tables_of(empty_database_url) == {"a", "c"}
    allowed = await apply_migrations_safe(empty_database_url, [one, two, three], allow_late=True)
    assert allowed.applied == (two.name,)
    assert (await apply_migrations_safe(empty_database_url, [one, two, three])).applied == ()


async def test_m4_a_failing_file_is_rolled_back_and_recorded(empty_database_url: str) -> None:
    """Status failed, the error's text, how many attempts; and nothing of the file."""
    for _ in range(2):
        with pytest.raises(MigrationFailed, match="nonsense"):
            await apply_migrations_safe(empty_database_url, files(f"{ONE} SELECT nonsense;"))
    row = await history_of(empty_database_url, "0001_pre_step")
    assert (row["status"], row["attempts"]) == ("failed", 2)
    assert "nonsense" in row["error_message"]
    assert await tables_of(empty_database_url) == set()


async def test_m5_an_index_is_built_concurrently_beside_traffic_and_waiting_migrators(
    empty_database_url: str, eventually: Eventually
) -> None:
    """The table is written to all the time, other migrators wait, and nothing hangs: none of them holds a snapshot."""
    await apply_migrations_safe(empty_database_url, files(ONE))
    done: list[tuple[str, ...]] = []

    async def migrate() -> None:
        done.append((await apply_migrations_safe(empty_database_url, files(ONE, INDEX))).applied)

    async with (
        connected(empty_database_url, application_name="test") as writer,
        connected(empty_database_url, application_name="test") as observer,
    ):
        async with anyio.create_task_group() as group, transaction(writer):
            await writer.execute("INSERT INTO a VALUES (1)")
            for _ in range(3):
                group.start_soon(migrate)
            await eventually(lambda: observer.fetchval("SELECT EXISTS (SELECT FROM pg_stat_progress_create_index)"))
            # Whoever builds without concurrency would block this one.
            await writer.execute("INSERT INTO a VALUES (2)")
        assert await writer.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_by_id'::regclass")
    assert sorted(done) == [(), (), ("0002_pre_step",)]
    row = await history_of(empty_database_url, "0002_pre_step")
    assert (row["status"], row["attempts"], row["error_message"]) == ("success", 1, None)


async def test_m6_a_migrator_that_is_killed_leaves_the_way_free(
    empty_database_url: str, eventually: Eventually
) -> None:
    """After kill -9 the next run applies everything, as soon as the server has noticed."""
    async with await process_applying(empty_database_url, ONE, f"{TWO} SELECT pg_sleep(60);") as process:
        async with connected(empty_database_url, application_name="test") as observer:
            await eventually(lambda: observer.fetchval(ASLEEP), seconds=20)
        process.send_signal(signal.SIGKILL)
    outcome = await apply_migrations_safe(empty_database_url, files(ONE, TWO), lock_seconds=15)
    assert outcome.applied == ("0002_pre_step",)
    assert await tables_of(empty_database_url) == {"a", "b"}
    assert await run(empty_database_url, "SELECT count(*) FROM migration_history WHERE status = 'success'") == 2


def test_the_marker_is_part_of_the_file() -> None:
    """So that nobody can take it away from a file that is in effect."""
    (marked,) = files(INDEX)
    assert marked.checksum != Migration.parse("0001_pre_step.sql", INDEX.partition("\n")[2].encode()).checksum
