"""A real PgBouncer between us and the server: found out, and everything works through it, only slower to hand over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anyio
import asyncpg
import pytest

from supervisor import database
from supervisor.clock import boottime
from supervisor.election import Claim
from supervisor.fence import FencedDatabase
from supervisor.lease import Lease, SessionLost
from supervisor.migrator import apply_migrations_safe
from supervisor.pooler import is_pooled
from supervisor.sql import sql
from supervisor.term import Term
from supervisor.timing import PROFILES
from tests.integration.supervisor.migration.steps import files
from tests.pgbouncer import Mode, pooling

KEY = 7
DEADLINE = 10.0
EVERY_SETTING = (
    "extra_float_digits",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    *database.LINK_SETTINGS,
)
pytestmark = pytest.mark.needs("pgbouncer")


@pytest.fixture(params=[("transaction", ()), ("transaction", EVERY_SETTING), ("session", EVERY_SETTING)])
def pooled_url(server: Any, database_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The database through a pooler: one that refuses our settings, one that swallows them, one that keeps sessions."""
    mode: Mode
    mode, ignored = request.param
    with pooling(server, database_url, mode, ignored=ignored, size=3 if mode == "transaction" else 10) as url:
        yield url


async def test_a_pooler_is_found_out_whatever_it_lets_pass(pooled_url: str, database_url: str) -> None:
    """S6: "direct" is never said behind a pooler, and always without one."""
    for _ in range(5):
        async with database.connected(pooled_url, application_name="vigil test") as connection:
            assert is_pooled(connection)
    async with database.connected(database_url, application_name="vigil test") as connection:
        assert not is_pooled(connection)


async def test_the_lease_works_through_a_pooler_without_beacon_and_session_locks(pooled_url: str, pool: Any) -> None:
    """Claim, renew, release: the same rows, and no lock is left on a server session that is not ours."""
    lease = await Lease.open(pooled_url, KEY, "a", PROFILES["fast"], within=DEADLINE, hear=lambda _: None)
    try:
        assert lease.direct is False
        await lease.probe()
        assert (await lease.watch()).holder is None
        won = await lease.claim(Claim("free", 0, 0))
        assert won is not None
        assert won.epoch == 1
        assert await lease.renew(1, within=DEADLINE)
        assert await lease.show(1, [], within=DEADLINE)
        seen = await lease.watch()
        assert (seen.holder, seen.beacon_free) == ("a", None)
        assert await pool.fetchval("SELECT beacon FROM lock_heartbeat") is False
        assert await pool.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
        assert await lease.release(1)
    finally:
        lease.drop()


async def test_a_pool_through_a_pooler_serves_many_at_once(pooled_url: str) -> None:
    """Queries of forty tasks over three server sessions: prepared statements would collide within moments."""

    async def ask(opened: Any, number: int) -> None:
        for step in range(10):
            assert await opened.fetchval("SELECT $1::int + $2::int", number, step) == number + step
            rows = await opened.fetch("SELECT n FROM generate_series(1, $1::int) AS n", step)
            assert [row["n"] for row in rows] == list(range(1, step + 1))

    with anyio.fail_after(DEADLINE):
        async with database.pool(pooled_url, size=8) as opened, anyio.create_task_group() as group:
            for number in range(40):
                group.start_soon(ask, opened, number)


async def test_the_fence_holds_through_a_pooler(pooled_url: str, pool: Any) -> None:
    """A fenced transaction commits under the current token and leaves no permission behind."""
    await pool.fetchrow(sql("lock_claim"), KEY, "a", 60_000, None, None, "free", False)
    timeline = await pool.fetchval("SELECT timeline FROM lock_epoch")
    async with database.pool(pooled_url, size=3) as opened:
        term = Term(1, "a", window=60, sent_at=boottime(), timeline=timeline)
        fenced = FencedDatabase(opened, KEY, term)
        async with fenced.transaction() as connection:
            await connection.execute("INSERT INTO users (id, language) VALUES ($1, 'ru')", 5)
        async with fenced.reading() as connection:
            assert await connection.fetchval("SELECT language FROM users WHERE id = $1", 5) == "ru"
        with pytest.raises(asyncpg.PostgresError, match="unfenced"):
            await opened.execute("INSERT INTO users (id, language) VALUES ($1, 'ru')", 6)
        assert await opened.fetchval("SELECT count(*) FROM users") == 1


async def test_a_transaction_through_a_pooler_is_bounded_like_any_other(pooled_url: str) -> None:
    """The timeouts that keep a stuck writer from holding the fence are set in each transaction."""
    async with (
        database.pool(pooled_url, size=2) as opened,
        opened.acquire() as connection,
        database.transaction(connection),
    ):
        assert await connection.fetchval("SHOW statement_timeout") == "5s"
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "5s"


async def test_a_failed_query_through_a_pooler_leaves_the_connection_usable(pooled_url: str) -> None:
    """Its own transaction is rolled back with it."""
    async with database.connected(pooled_url, application_name="vigil test") as connection:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await connection.fetchval("SELECT 1 / $1::int", 0)
        assert await connection.fetchval("SELECT $1::int", 4) == 4
        attempt = connection.transaction()
        await attempt.start()
        await connection.execute("CREATE TABLE gone (n int)")
        await attempt.rollback()
        assert await connection.fetchval("SELECT to_regclass('gone')") is None


@pytest.mark.parametrize("mode", ["transaction", "session"])
async def test_an_empty_database_is_migrated_through_a_pooler_by_one_of_several(
    server: Any, empty_database_url: str, mode: Mode
) -> None:
    """Each file once, and the migrators' lock is gone afterwards: a session lock would stay with the pooler."""
    applied: list[str] = []

    async def migrate(url: str) -> None:
        applied.extend((await apply_migrations_safe(url)).applied)

    with pooling(server, empty_database_url, mode, size=8) as url:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(migrate, url)
        async with database.connected(empty_database_url, application_name="vigil test") as connection:
            assert await connection.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
            recorded = await connection.fetch("SELECT migration_name FROM migration_history ORDER BY 1")
    assert sorted(applied) == [row["migration_name"] for row in recorded]
    assert len(applied) == len(set(applied)) > 4


@pytest.mark.parametrize(
    ("mode", "size", "migrators"), [("transaction", 4, 5), ("transaction", 20, 3), ("session", 10, 3)]
)
async def test_an_index_is_built_concurrently_through_a_pooler_beside_waiting_migrators(
    server: Any, empty_database_url: str, mode: Mode, size: int, migrators: int
) -> None:
    """Neither the one that keeps the lock nor those who wait hold a snapshot, or the pooler's last session."""
    applied: list[str] = []

    async def migrate(url: str) -> None:
        applied.extend((await apply_migrations_safe(url, steps)).applied)

    steps = files(
        "CREATE TABLE a (id int);", "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY a_by_id ON a (id);"
    )
    with pooling(server, empty_database_url, mode, size=size) as url, anyio.fail_after(DEADLINE):
        async with anyio.create_task_group() as group:
            for _ in range(migrators):
                group.start_soon(migrate, url)
    assert sorted(applied) == ["0001_pre_step", "0002_pre_step"]


async def test_an_interrupted_query_through_a_pooler_leaves_no_open_transaction(
    server: Any, database_url: str, pool: Any
) -> None:
    """Whatever follows would land in it and never be seen: the connection is given up."""
    with pooling(server, database_url, "transaction") as url:
        await pool.execute("CREATE TABLE seen (n int)")
        for step in range(40):
            async with database.connected(url, application_name="vigil test") as connection:
                with anyio.move_on_after(step * 0.00005):
                    await connection.fetchval("SELECT $1::int", step)
                if not connection.is_closed():
                    await connection.execute("INSERT INTO seen VALUES ($1)", step)
                    assert await pool.fetchval("SELECT count(*) FROM seen WHERE n = $1", step) == 1


async def test_a_silent_pooler_costs_no_more_than_was_allowed(server: Any, database_url: str) -> None:
    """BEGIN, query and COMMIT together: a renew that takes longer than T comes too late for its term."""
    with pooling(server, database_url, "transaction") as url:
        blocker = await asyncpg.connect(database_url)
        lease = await Lease.open(url, KEY, "a", PROFILES["fast"], within=DEADLINE, hear=lambda _: None)
        try:
            await lease.claim(Claim("free", 0, 0))
            attempt = blocker.transaction()
            await attempt.start()
            await blocker.execute("LOCK TABLE lock_heartbeat")
            began = anyio.current_time()
            with pytest.raises(SessionLost):
                await lease.renew(1, within=0.3)
            assert anyio.current_time() - began < 2
            await attempt.rollback()
        finally:
            lease.drop()
            await blocker.close(timeout=5)
