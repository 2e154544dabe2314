"""The migrator against a real PostgreSQL: once, whole, recorded, and in any number of processes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import asyncpg
import pytest

from supervisor import __version__
from supervisor.child import Backoff
from supervisor.database import Connection, ConnectionLost, connected, transaction
from supervisor.errors import ConfigError, ExitCode, SupervisorError, Unavailable
from supervisor.migration import Migration, State
from supervisor.migrator import (
    LOCK_KEY,
    MigrationBusy,
    MigrationFailed,
    apply_migrations_safe,
    check_migrations_status,
    get_applied_migrations,
    load_migrations,
    migration_status,
)
from telemetry import events, testing

Eventually = Callable[..., Awaitable[Any]]
SLEEPING = (
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'vigil migrator'"
    " AND wait_event = 'PgSleep' AND datname = current_database())"
)
HISTORY = "SELECT * FROM migration_history WHERE migration_name = $1::text"


def files(*texts: str, phase: str = "pre") -> list[Migration]:
    return [Migration.parse(f"{n:04}_{phase}_step.sql", text.encode()) for n, text in enumerate(texts, 1)]


async def names_of_tables(url: str) -> set[str]:
    async with connected(url, application_name="test") as connection:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row["tablename"] for row in rows} - {"migration_history"}


@pytest.fixture
def in_the_middle(empty_database_url: str, eventually: Eventually) -> Callable[[], Awaitable[None]]:
    """Wait until a migrator sleeps in its file."""

    async def wait() -> None:
        async with connected(empty_database_url, application_name="test") as connection:
            await eventually(lambda: connection.fetchval(SLEEPING), seconds=20)

    return wait


async def history_of(url: str, name: str) -> Any:
    async with connected(url, application_name="test") as connection:
        return await connection.fetchrow(HISTORY, name)


async def test_our_migrations_apply_to_an_empty_database_and_only_once(empty_database_url: str) -> None:
    """A second run finds nothing to do, and the status agrees."""
    ours = load_migrations()
    first = await apply_migrations_safe(empty_database_url, include_post=True)
    assert first.applied == tuple(migration.name for migration in ours)
    assert (await apply_migrations_safe(empty_database_url, include_post=True)).applied == ()
    status = await migration_status(empty_database_url)
    assert (status.ok, status.count) == (True, len(ours))


async def test_a_success_is_recorded_with_who_what_and_how_long(empty_database_url: str) -> None:
    """The row answers an operator's questions months later."""
    (migration,) = files("CREATE TABLE a (id int);")
    with testing.record() as recorded:
        await apply_migrations_safe(empty_database_url, [migration])
    row = await history_of(empty_database_url, migration.name)
    assert (row["status"], row["error_message"], row["attempts"]) == ("success", None, 1)
    assert (row["checksum"], row["app_version"]) == (migration.checksum, __version__)
    assert row["duration_ms"] >= 0
    assert ":" in row["applied_by"]
    assert [event.version for event in recorded.all(events.MigrationApplied)] == [migration.name]
    assert recorded.all(events.MigrationsCounted)[-1].applied == 1


async def test_three_migrators_at_once_apply_each_file_once(empty_database_url: str) -> None:
    """Replicas of a deploy start together; every one of them succeeds."""
    three = files(
        "CREATE TABLE a (id int);", "CREATE TABLE b (id int); SELECT pg_sleep(0.2);", "CREATE TABLE c (id int);"
    )
    done: list[str] = []

    async def migrate() -> None:
        done.extend((await apply_migrations_safe(empty_database_url, three)).applied)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(migrate)
    assert sorted(done) == [migration.name for migration in three]
    assert await names_of_tables(empty_database_url) == {"a", "b", "c"}


async def test_who_waits_for_the_lock_gives_up_after_the_deadline(empty_database_url: str) -> None:
    """The message says that somebody else migrates; nothing of ours was applied."""
    async with connected(empty_database_url, application_name="test") as other:
        await other.fetchval("SELECT pg_advisory_lock($1::bigint)", LOCK_KEY)
        with pytest.raises(Unavailable, match="Another process has been migrating"):
            await apply_migrations_safe(empty_database_url, files("CREATE TABLE a ();"), lock_seconds=0.3)
        waiting = await other.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        assert waiting == 0
    assert await names_of_tables(empty_database_url) == set()


async def test_an_edited_file_is_refused_and_nothing_runs(empty_database_url: str) -> None:
    """The database and the files no longer tell the same story; a person has to look."""
    await apply_migrations_safe(empty_database_url, files("CREATE TABLE a (id int);"))
    edited = files("CREATE TABLE a (id bigint);", "CREATE TABLE b (id int);")
    with pytest.raises(ConfigError, match="0001_pre_step was changed after it was applied"):
        await apply_migrations_safe(empty_database_url, edited)
    assert await names_of_tables(empty_database_url) == {"a"}
    status = await migration_status(empty_database_url, edited)
    assert status.ok is False
    assert [line.state for line in status.lines] == [State.EDITED, State.PENDING]


async def test_a_failing_file_is_rolled_back_recorded_and_tried_again(empty_database_url: str) -> None:
    """Nothing of it stays; the row says what was wrong, and where; files after it do not run."""
    broken = files("CREATE TABLE a (id int);", "CREATE TABLE b (id int);\nSELECT nonsense;", "CREATE TABLE c (id int);")
    with testing.record() as recorded:
        for _ in range(2):
            with pytest.raises(MigrationFailed, match=r"0002_pre_step: .*nonsense.*line 2") as failure:
                await apply_migrations_safe(empty_database_url, broken)
    assert failure.value.exit_code is ExitCode.CONFIG
    assert len(recorded.all(events.MigrationFailed)) == 2
    row = await history_of(empty_database_url, "0002_pre_step")
    assert (row["status"], row["attempts"]) == ("failed", 2)
    assert "nonsense" in row["error_message"]
    assert await names_of_tables(empty_database_url) == {"a"}

    mended = files("CREATE TABLE a (id int);", "CREATE TABLE b (id int);", "CREATE TABLE c (id int);")
    await apply_migrations_safe(empty_database_url, mended)
    row = await history_of(empty_database_url, "0002_pre_step")
    assert (row["status"], row["attempts"], row["error_message"]) == ("success", 3, None)


@pytest.mark.parametrize("command", ["COMMIT;", "ROLLBACK;", "COMMIT; BEGIN;", "BEGIN;", "SAVEPOINT s;"])
async def test_a_file_that_ends_its_transaction_is_refused_before_any_effect(
    empty_database_url: str, command: str
) -> None:
    """Torn in two, its first half would stay when its second fails."""
    with pytest.raises(MigrationFailed, match="begins or ends a transaction itself"):
        await apply_migrations_safe(empty_database_url, files(f"CREATE TABLE a ();\n{command}\nCREATE TABLE b ();"))
    assert await names_of_tables(empty_database_url) == set()


async def test_begin_and_end_inside_of_a_function_body_are_fine(empty_database_url: str) -> None:
    """They are PL/pgSQL or SQL there, not transaction commands."""
    await apply_migrations_safe(
        empty_database_url,
        files(
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;\n"
            "CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT f(); END;\n"
            "DO $do$ BEGIN PERFORM g(); END $do$; -- COMMIT;",
        ),
    )


async def test_a_migrator_killed_in_the_middle_leaves_nothing_and_blocks_nobody(
    empty_database_url: str, in_the_middle: Callable[[], Awaitable[None]]
) -> None:
    """After kill -9 the next run applies everything, within the time the server needs to notice."""
    program = (
        "import anyio, sys; from supervisor.migration import Migration; from supervisor.migrator import *; "
        "anyio.run(apply_migrations_safe, sys.argv[1], [Migration.parse('0001_pre_step.sql', sys.argv[2].encode())])"
    )
    text = "CREATE TABLE a (id int); SELECT pg_sleep(60);"
    async with await anyio.open_process([sys.executable, "-c", program, empty_database_url, text]) as process:
        await in_the_middle()
        process.send_signal(signal.SIGKILL)
    outcome = await apply_migrations_safe(empty_database_url, files("CREATE TABLE a (id int);"), lock_seconds=15)
    assert outcome.applied == ("0001_pre_step",)


async def test_a_connection_lost_in_the_middle_is_no_failed_migration(
    empty_database_url: str, in_the_middle: Callable[[], Awaitable[None]]
) -> None:
    """Nothing is wrong with the file: trying again helps, and no row says failed."""
    async with connected(empty_database_url, application_name="test") as other, anyio.create_task_group() as group:

        async def cut() -> None:
            await in_the_middle()
            await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'vigil migrator' AND datname = current_database()"
            )

        group.start_soon(cut)
        with testing.record() as recorded, pytest.raises(ConnectionLost) as lost:
            await apply_migrations_safe(empty_database_url, files("CREATE TABLE a (); SELECT pg_sleep(60);"))
    assert recorded.all(events.MigrationFailed) == []
    assert lost.value.exit_code is ExitCode.UNAVAILABLE
    assert await history_of(empty_database_url, "0001_pre_step") is None
    assert await names_of_tables(empty_database_url) == set()


async def test_a_cancelled_migrator_leaves_nothing_half_done(
    empty_database_url: str, in_the_middle: Callable[[], Awaitable[None]]
) -> None:
    """A shutdown in the middle of a file rolls it back and frees the lock at once."""
    async with anyio.create_task_group() as group:
        group.start_soon(apply_migrations_safe, empty_database_url, files("CREATE TABLE a (); SELECT pg_sleep(60);"))
        await in_the_middle()
        group.cancel_scope.cancel()
    outcome = await apply_migrations_safe(empty_database_url, files("CREATE TABLE b ();"), lock_seconds=5)
    assert outcome.applied == ("0001_pre_step",)
    assert await names_of_tables(empty_database_url) == {"b"}


async def test_a_table_that_stays_busy_is_no_traceback_and_names_who_holds_it(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 69, since waiting can help; nobody was made to wait for longer than lock_timeout at a time."""
    monkeypatch.setattr("supervisor.migration_session.SESSION", {"lock_timeout": "50"})
    monkeypatch.setattr("supervisor.migration_step.BUSY_RETRIES", 2)
    monkeypatch.setattr("supervisor.migration_step.BUSY_BACKOFF", Backoff(base=0.01))
    two = files("CREATE TABLE a (id int);", "ALTER TABLE a ADD COLUMN b int;")
    await apply_migrations_safe(empty_database_url, two[:1])
    async with connected(empty_database_url, application_name="the long one") as other, transaction(other):
        await other.execute("LOCK TABLE a")
        with pytest.raises(MigrationBusy, match=r"0002_pre_step: .* 3 attempts; .*\(the long one, \d+ s\)") as busy:
            await apply_migrations_safe(empty_database_url, two)
    assert busy.value.exit_code is ExitCode.UNAVAILABLE
    assert (await history_of(empty_database_url, "0002_pre_step"))["status"] == "failed"
    await apply_migrations_safe(empty_database_url, two)
    assert (await history_of(empty_database_url, "0002_pre_step"))["status"] == "success"


async def test_a_statement_that_takes_too_long_is_given_up_by_the_server(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runaway file ends in a clear error, not in a lost connection, and leaves nothing."""
    monkeypatch.setattr("supervisor.migration_step.FILE_SECONDS", 0.2)
    with pytest.raises(MigrationFailed, match="canceling statement due to statement timeout"):
        await apply_migrations_safe(empty_database_url, files("CREATE TABLE a (); SELECT pg_sleep(60);"))
    assert await names_of_tables(empty_database_url) == set()


@pytest.mark.parametrize("pending", [0, 1])
async def test_a_read_only_server_is_said_so_when_there_is_something_to_write(
    empty_database_url: str, pending: int
) -> None:
    """With everything in effect a standby can be looked at; else it is exit 69: it may be promoted."""
    two = files("CREATE TABLE a (id int);", "CREATE TABLE b (id int);")
    await apply_migrations_safe(empty_database_url, two[:1])
    read_only = f"{empty_database_url}?default_transaction_read_only=on"
    if not pending:
        assert (await apply_migrations_safe(read_only, two[:1])).applied == ()
        return
    with testing.record() as recorded, pytest.raises(Unavailable, match="the server is read-only") as refusal:
        await apply_migrations_safe(read_only, two)
    assert recorded.all(events.MigrationFailed) == [], "nothing is wrong with the file"
    assert refusal.value.exit_code is ExitCode.UNAVAILABLE
    assert await history_of(empty_database_url, "0002_pre_step") is None


async def test_a_role_that_may_connect_and_not_create_leaves_nothing(server: Any, empty_database_url: str) -> None:
    """The history can be written, the schema not: recorded as failed, in the server's words."""
    await apply_migrations_safe(empty_database_url, [])
    server.admin("DROP ROLE IF EXISTS writer", "CREATE ROLE writer LOGIN")
    async with connected(empty_database_url, application_name="test") as owner:
        await owner.execute("GRANT ALL ON migration_history, migration_history_id_seq TO writer")
    with pytest.raises(MigrationFailed, match="permission denied for schema public"):
        await apply_migrations_safe(empty_database_url.replace("//vigil@", "//writer@"), files("CREATE TABLE a ();"))
    assert (await history_of(empty_database_url, "0001_pre_step"))["status"] == "failed"


async def test_a_busy_table_is_waited_for(
    empty_database_url: str, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traffic that holds a table longer than lock_timeout delays the file instead of failing it."""
    monkeypatch.setattr("supervisor.migration_session.SESSION", {"lock_timeout": "100"})
    two = files("CREATE TABLE a (id int);", "ALTER TABLE a ADD COLUMN b int;")
    await apply_migrations_safe(empty_database_url, two[:1])
    async with connected(empty_database_url, application_name="test") as other, anyio.create_task_group() as group:
        held = other.transaction()
        await held.start()
        await other.execute("LOCK TABLE a")
        with testing.record() as recorded:
            group.start_soon(apply_migrations_safe, empty_database_url, two)
            await eventually(lambda: len(recorded.all(events.MigrationBusy)) >= 2)
        assert {event.version for event in recorded.all(events.MigrationBusy)} == {"0002_pre_step"}
        await held.rollback()
    assert (await history_of(empty_database_url, "0002_pre_step"))["status"] == "success"


async def test_post_files_wait_until_they_are_asked_for_and_run_behind_the_gate(empty_database_url: str) -> None:
    """Only the ACTIVE of the new version applies them, and its fence is the first thing in their transaction."""
    pre, post = files("CREATE TABLE a (id int);")[0], Migration.parse("0002_post_step.sql", b"CREATE TABLE b (id int);")
    assert (await apply_migrations_safe(empty_database_url, [pre, post])).held_back == (post.name,)

    async def closed(connection: Connection) -> None:
        await connection.execute("CREATE TABLE from_the_gate (id int)")
        raise SupervisorError("another instance leads")

    with pytest.raises(SupervisorError, match="another instance leads"):
        await apply_migrations_safe(empty_database_url, [pre, post], include_post=True, before_post=closed)
    assert await names_of_tables(empty_database_url) == {"a"}

    async def broken(connection: Connection) -> None:
        await connection.execute("SELECT nonsense")

    with pytest.raises(asyncpg.UndefinedColumnError):
        await apply_migrations_safe(empty_database_url, [pre, post], include_post=True, before_post=broken)
    assert await history_of(empty_database_url, post.name) is None, "a gate's failure is none of the file"

    async def opened(connection: Connection) -> None:
        assert connection.is_in_transaction()

    outcome = await apply_migrations_safe(empty_database_url, [pre, post], include_post=True, before_post=opened)
    assert outcome.applied == (post.name,)


async def test_the_functions_take_text_and_keep_a_success(empty_database_url: str) -> None:
    """They are the predecessor's interface: declared TEXT arguments, one STABLE, and no way to undo a success."""
    await apply_migrations_safe(empty_database_url, [])
    async with connected(empty_database_url, application_name="test") as connection:
        await connection.execute("SELECT record_migration('x', 'failed', 'first try')")
        assert await connection.fetchval("SELECT migration_already_applied('x')") is False
        await connection.execute("SELECT record_migration('x', 'success', NULL)")
        await connection.execute("SELECT record_migration('x', 'failed', 'too late')")
        assert await connection.fetchval("SELECT migration_already_applied($1::text)", "x") is True
        row = await connection.fetchrow(HISTORY, "x")
        assert (row["status"], row["error_message"], row["attempts"]) == ("success", None, 2)
        declared = await connection.fetch(
            "SELECT proname, provolatile, pg_get_function_identity_arguments(oid) AS arguments FROM pg_proc"
            " WHERE proname IN ('migration_already_applied', 'record_migration') ORDER BY 1"
        )
    assert [tuple(row) for row in declared] == [
        ("migration_already_applied", b"s", "p_migration_name text"),
        ("record_migration", b"v", "p_migration_name text, p_status text, p_error_message text"),
    ]


async def test_the_history_of_the_predecessor_is_taken_over(empty_database_url: str) -> None:
    """A table without our columns gets them; its rows stay, as migrations that we do not know."""
    async with connected(empty_database_url, application_name="test") as connection:
        await connection.execute(
            "CREATE TABLE migration_history (id BIGSERIAL PRIMARY KEY, migration_name TEXT UNIQUE,"
            " applied_at TIMESTAMPTZ DEFAULT now(), status TEXT DEFAULT 'success', error_message TEXT);"
            "INSERT INTO migration_history (migration_name, status) VALUES ('001_initial', DEFAULT), ('002_x', 'failure')"
        )
        assert await check_migrations_status(connection, files("SELECT 1;")) == (False, 1)
        with testing.record() as recorded:
            outcome = await apply_migrations_safe(empty_database_url, files("SELECT 1;"))
        assert recorded.all(events.MigrationsCounted)[-1].failed == 0, "what it failed at would alarm for ever"
        assert (outcome.applied, outcome.unknown) == (("0001_pre_step",), ("001_initial",))
        assert await check_migrations_status(connection, files("SELECT 1;")) == (True, 2)


async def test_the_status_of_an_unmigrated_database_changes_nothing(empty_database_url: str) -> None:
    """Asking is harmless: no table appears, everything is pending."""
    status = await migration_status(empty_database_url, files("SELECT 1;"))
    assert (status.ok, status.count, [line.state for line in status.lines]) == (False, 0, [State.PENDING])
    async with connected(empty_database_url, application_name="test") as connection:
        assert await get_applied_migrations(connection) == []
        assert await connection.fetchval("SELECT to_regclass('migration_history')") is None


async def test_a_user_who_may_not_create_tables_gets_a_clear_refusal(server: Any, empty_database_url: str) -> None:
    """A configuration error says what to change, with exit code 78 and no traceback."""
    server.admin("DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN")
    with pytest.raises(ConfigError, match=r"Migrating the database at .*permission denied"):
        await apply_migrations_safe(empty_database_url.replace("//vigil@", "//reader@"), files("SELECT 1;"))


async def test_a_statement_that_cannot_run_in_a_transaction_is_recorded_as_failed(empty_database_url: str) -> None:
    """The file is refused by the server, with its own words."""
    await apply_migrations_safe(empty_database_url, files("CREATE TABLE a (id int);"))
    with pytest.raises(MigrationFailed, match="CREATE INDEX CONCURRENTLY"):
        await apply_migrations_safe(
            empty_database_url,
            files("CREATE TABLE a (id int);", "CREATE INDEX CONCURRENTLY i ON a (id);"),
        )
