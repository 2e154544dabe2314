"""Connections that are lost, transactions that are cancelled, servers that are not there: with a real PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import asyncpg
import pytest

from supervisor import database
from supervisor.database import LOST, connected, transaction, wait_until_reachable
from supervisor.embedded import THROWAWAY
from supervisor.errors import ConfigError, ExitCode, Unavailable
from telemetry import events, testing

TERMINATE = "SELECT pg_terminate_backend($1::int, 5000)"
Eventually = Callable[..., Awaitable[Any]]


@pytest.fixture
def closed_port() -> int:
    """A TCP port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_backend_that_is_terminated_raises_lost(database_url: str) -> None:
    """Idle or in the middle of a query, it is one of the kinds that everybody catches."""
    async with connected(database_url, application_name="test") as admin:
        idle = await database.connect(database_url, application_name="idle")
        await admin.fetchval(TERMINATE, idle.get_server_pid())
        with pytest.raises(LOST):
            await idle.fetchval("SELECT 1")
        busy = await database.connect(database_url, application_name="busy")
        async with anyio.create_task_group() as group:
            group.start_soon(admin.fetchval, TERMINATE, busy.get_server_pid())
            with pytest.raises(LOST):
                await busy.fetchval("SELECT pg_sleep(30)")
        assert (idle.is_closed(), busy.is_closed()) == (True, True)


async def test_every_connection_of_a_killed_server_raises_lost(make_server: Callable[..., Any]) -> None:
    """Kill -9 of the postmaster shows as several exceptions of asyncpg, one of them a plain Exception."""
    kinds: set[type[BaseException]] = set()
    others: list[BaseException] = []
    with make_server(THROWAWAY).running() as server:
        connections = [await database.connect(server.url, application_name=f"busy {n}") for n in range(20)]

        async def work(connection: database.Connection) -> None:
            try:
                while True:
                    await connection.fetchval("SELECT count(*) FROM generate_series(1, 1000)")
            except LOST as lost:
                kinds.add(type(lost))
            except Exception as other:  # noqa: BLE001 - exactly what must not exist
                others.append(other)

        async with anyio.create_task_group() as group:
            for connection in connections:
                group.start_soon(work, connection)
            await anyio.wait_all_tasks_blocked()
            os.kill(server.pid, signal.SIGKILL)
        for connection in connections:
            connection.terminate()
        assert server.failure() is not None
    assert kinds
    assert others == []


async def test_a_block_that_raises_is_rolled_back(pool: Any) -> None:
    """And its exception passes unchanged."""
    async with pool.acquire() as connection:
        with pytest.raises(LookupError, match="mine"):  # noqa: PT012 - the block is what is tested
            async with transaction(connection):
                await connection.execute("CREATE TABLE a (id int)")
                raise LookupError("mine")
        assert await connection.fetchval("SELECT to_regclass('a')") is None


async def test_a_cancelled_block_is_rolled_back_before_the_connection_is_used_again(pool: Any) -> None:
    """A cancellation in the middle of a query ends the transaction, and the connection stays good."""
    async with pool.acquire() as connection:
        pid = connection.get_server_pid()
        with anyio.move_on_after(0.1) as scope:
            async with transaction(connection):
                await connection.execute("CREATE TABLE a (id int)")
                await connection.fetchval("SELECT pg_sleep(30)")
        assert scope.cancelled_caught
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT to_regclass('a')") is None
        assert connection.get_server_pid() == pid


async def test_a_commit_that_has_begun_is_not_cancelled(pool: Any) -> None:
    """Cancelled at the last moment, the transaction is committed and not torn: its effect is there."""
    async with pool.acquire() as connection:
        # A deferred trigger makes the COMMIT itself slow.
        await connection.execute(
            "CREATE TABLE slow (id int); CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$;"
            " CREATE CONSTRAINT TRIGGER nap AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION nap()"
        )
        with anyio.move_on_after(5) as scope:
            async with transaction(connection):
                await connection.execute("INSERT INTO slow VALUES (1)")
                scope.cancel()
        assert await connection.fetchval("SELECT count(*) FROM slow") == 1


async def test_an_end_that_hangs_costs_the_connection_and_not_the_shutdown(pool: Any) -> None:
    """A COMMIT that takes too long raises, and its connection is never used again: its state is unknown."""
    async with pool.acquire() as connection:
        await connection.execute(
            "CREATE TABLE slow (id int); CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(30); RETURN NULL; END $$;"
            " CREATE CONSTRAINT TRIGGER nap AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION nap()"
        )
        with pytest.raises(TimeoutError):
            async with transaction(connection, end_seconds=0.2):
                await connection.execute("INSERT INTO slow VALUES (1)")
        with pytest.raises(asyncpg.InterfaceError):
            await connection.fetchval("SELECT 1")
    assert await pool.fetchval("SELECT 1") == 1


async def test_a_rollback_on_a_lost_connection_keeps_the_first_error(database_url: str) -> None:
    """What went wrong in the block is the news; that the server rolls back by itself is not."""
    async with connected(database_url, application_name="test") as connection:
        with pytest.raises(LookupError):  # noqa: PT012 - the block is what is tested
            async with transaction(connection):
                connection.terminate()
                raise LookupError


async def test_a_connection_of_a_pool_lost_in_the_block_raises_what_the_block_raised(pool: Any) -> None:
    """The pool takes a lost connection back at once; ending its transaction must not hide why it was lost."""
    connection = await pool.acquire()
    with pytest.raises(asyncpg.ConnectionDoesNotExistError, match="administrator command"):
        async with transaction(connection):
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(LookupError):  # noqa: PT012 - the block is what is tested
        async with pool.acquire() as connection, transaction(connection):
            await pool.fetchval(TERMINATE, connection.get_server_pid())
            raise LookupError


async def test_random_cancellations_leave_the_pool_whole(pool: Any) -> None:
    """However the moments fall, no connection stays in a transaction and none is missing."""

    async def one(delay: float) -> None:
        with anyio.move_on_after(delay):
            async with pool.acquire() as connection, transaction(connection):
                await connection.execute("SELECT 1")
                await connection.fetchval("SELECT pg_sleep(0.01)")

    for step in range(40):
        async with anyio.create_task_group() as group:
            for lane in range(4):
                group.start_soon(one, 0.0005 * step + 0.0003 * lane)
    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(pool.fetchval, "SELECT pg_sleep(0.05)")
    stuck = await pool.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = current_database()"
    )
    assert stuck == 0


async def test_the_pool_bounds_statements_and_idle_transactions(pool: Any, database_url: str) -> None:
    """One slow statement, or one forgotten transaction, must not hold a connection for ever."""
    assert await pool.fetchval("SHOW statement_timeout") == "5s"
    assert await pool.fetchval("SHOW idle_in_transaction_session_timeout") == "5s"
    async with database.pool(database_url, size=1) as small:
        assert (small.get_min_size(), small.get_max_size()) == (1, 1)
        assert await small.fetchval("SHOW application_name") == "vigil"


async def test_the_server_looks_for_a_dead_client_and_keeps_links_alive(database_url: str) -> None:
    """Else a killed client's backend works on, with its locks, until its query ends."""
    async with connected(database_url, application_name="vigil test") as connection:
        assert await connection.fetchval("SHOW client_connection_check_interval") == "2s"
        assert await connection.fetchval("SHOW application_name") == "vigil test"


async def test_a_pool_with_a_stuck_borrower_closes_in_time(database_url: str) -> None:
    """A shutdown does not wait for a query that nobody needs any more."""
    began = anyio.current_time()
    async with anyio.create_task_group() as group, database.pool(database_url, size=2) as pool:
        connection = await pool.acquire()
        group.start_soon(_until_lost, connection)
        await anyio.wait_all_tasks_blocked()
    assert anyio.current_time() - began < 4


async def _until_lost(connection: Any) -> None:
    with pytest.raises(LOST):
        await connection.fetchval("SELECT pg_sleep(60)", timeout=60)


async def test_a_server_that_is_there_is_reached_and_said_so(database_url: str) -> None:
    """The event turns the gauge on."""
    with testing.record() as recorded:
        await wait_until_reachable(database_url)
    assert len(recorded.all(events.DatabaseRecovered)) == 1


async def test_a_server_that_never_comes_is_unavailable_without_its_password(closed_port: int) -> None:
    """Exit code 69, host and port named, the password not, and every try is an event."""
    with testing.record() as recorded, pytest.raises(Unavailable) as failure:
        await wait_until_reachable(f"postgresql://u:secret@127.0.0.1:{closed_port}/bot", deadline_seconds=0.5)
    assert failure.value.exit_code is ExitCode.UNAVAILABLE
    assert f"127.0.0.1:{closed_port}/bot could not be reached for" in str(failure.value)
    assert "secret" not in f"{failure.value}{failure.value.hint}"
    assert len(recorded.all(events.DatabaseUnreachable)) >= 2


async def test_a_server_that_comes_up_late_is_waited_for(make_server: Callable[..., Any]) -> None:
    """Database and bot start together on a new machine, in any order."""
    server = make_server(THROWAWAY)
    async with anyio.create_task_group() as group:
        group.start_soon(wait_until_reachable, server.url)
        await anyio.wait_all_tasks_blocked()
        running = server.running()
        await anyio.to_thread.run_sync(running.__enter__)
    running.__exit__(None, None, None)


@pytest.mark.parametrize("change", [("/t_", "/no_such_"), ("//vigil@", "//nobody_here@")])
async def test_a_server_that_refuses_us_ends_the_waiting_at_once(
    empty_database_url: str, change: tuple[str, str]
) -> None:
    """A wrong database or user does not get right by waiting: exit code 78."""
    with pytest.raises(ConfigError, match="does not exist"):
        await wait_until_reachable(empty_database_url.replace(*change))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:se/cret@127.0.0.1:1/bot",
        "mysql://u:secret@127.0.0.1/bot",
        "host=127.0.0.1 password=secret",
        "postgresql://u:se[cret@127.0.0.1/bot",
        "postgresql://u:secret@127.0.0.1:99999/bot",
    ],
)
async def test_an_address_that_cannot_be_read_is_refused_without_showing_it(url: str) -> None:
    """A password with a slash breaks the address; the message must not show the half that looks like a host."""
    with pytest.raises(ConfigError, match="cannot be read") as refusal:
        await wait_until_reachable(url)
    assert "se" not in str(refusal.value).replace("database", "").replace("password", "")
    assert refusal.value.__cause__ is None


async def test_a_full_server_is_waited_for(make_server: Callable[..., Any], eventually: Eventually) -> None:
    """Too many connections is a state that passes, not a refusal."""
    with make_server(THROWAWAY).running() as server:
        server.admin("ALTER ROLE vigil CONNECTION LIMIT 1")
        async with connected(server.url, application_name="the only one"):
            with pytest.raises(asyncpg.TooManyConnectionsError):
                await database.connect(server.url, application_name="one too many")
            with pytest.raises(Unavailable):
                await wait_until_reachable(server.url, deadline_seconds=0.3)
        await wait_until_reachable(server.url, deadline_seconds=5)


async def test_a_block_that_swallows_a_failed_statement_is_told_that_nothing_was_kept(database_url: str) -> None:
    """The server answers such a COMMIT with ROLLBACK and no error: without a look at it, "done" would be a lie."""
    async with connected(database_url, application_name="test") as connection:
        with pytest.raises(database.NotCommitted):  # noqa: PT012 - the block is the point
            async with transaction(connection):
                await connection.execute("INSERT INTO generated_setting (name, value) VALUES ('a', 'b')")
                with contextlib.suppress(asyncpg.PostgresError):
                    await connection.execute("SELECT 1/0")
        assert await connection.fetchval("SELECT count(*) FROM generated_setting") == 0
