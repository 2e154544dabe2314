"""The fence: no write to a fenced table commits outside the current term, whoever writes and however it races."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import asyncpg
import pytest

from supervisor import database
from supervisor.clock import boottime
from supervisor.fence import Fenced, FencedDatabase
from supervisor.sql import sql
from supervisor.term import Term, TrustLost

KEY = 77
Connect = Callable[[], Awaitable[Any]]

TABLES = """
SELECT c.relname AS name,
       (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attidentity = '' AND a.attgenerated = '' ORDER BY a.attnum LIMIT 1) AS writable
  FROM pg_class c
 WHERE c.relkind IN ('r', 'p', 'f') AND c.relnamespace = current_schema()::regnamespace
   AND c.relname NOT LIKE 'lock\\_%' AND c.relname NOT IN ('migration_history', 'generated_setting')
 ORDER BY 1
"""
FREELY_INSERTED = {"inbox"}
"""Every instance may add what arrived; the states that is true for are tested apart."""


async def claim(on: Any) -> int:
    """Begin the next term, whatever the lease is."""
    await on.execute("UPDATE lock_heartbeat SET state = 'free', instance_id = NULL")
    epoch: int = await on.fetchval(sql("lock_claim"), KEY, "x", 60_000, None, None, "free", False)
    return epoch


async def refusal(on: Any, fence: str | None, statement: str) -> str | None:
    """Run one statement in a transaction that is rolled back; return the SQLSTATE it was refused with."""
    attempt = on.transaction()
    await attempt.start()
    try:
        await on.execute("SELECT set_config('vigil.fence', $1::text, true)", fence or "")
        await on.execute(statement)
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)
    finally:
        await attempt.rollback()
    return None


@pytest.mark.parametrize("fence", [None, f"{KEY}:1", f"{KEY}:3", f"{KEY}:0", f"{KEY + 1}:2"])
async def test_every_table_refuses_unfenced_and_stale_writes(db: Any, fence: str | None) -> None:
    """Every table there is, so that a new one cannot be forgotten; a setting made by hand helps nobody."""
    await claim(db)
    assert await claim(db) == 2
    tables = await db.fetch(TABLES)
    assert {"inbox", "outbox", "users", "generation", "ledger_entry"} <= {table["name"] for table in tables}
    for table in tables:
        name, column = table["name"], table["writable"]
        statements = [
            f"UPDATE {name} SET {column} = {column}",  # noqa: S608 - names from the catalogue
            f"DELETE FROM {name}",  # noqa: S608 - likewise
            f"TRUNCATE {name} CASCADE",
        ]
        if name not in FREELY_INSERTED:
            statements.append(f"INSERT INTO {name} DEFAULT VALUES")
        for statement in statements:
            assert await refusal(db, fence, statement) == "VG001", f"{statement} under {fence}"


async def test_every_table_is_fenced_by_triggers_of_its_own(db: Any) -> None:
    """A TRUNCATE that cascades is refused by any table it reaches: only the catalogue shows what each one refuses."""
    rows = await db.fetch(
        "SELECT t.tgrelid::regclass::text AS name, bit_or(t.tgtype::int) AS type FROM pg_trigger t "
        "WHERE t.tgfoid = 'lock_fenced()'::regprocedure AND t.tgenabled = 'O' AND t.tgqual IS NULL AND t.tgattr = '' "
        "GROUP BY 1"
    )
    before, insert, delete, update, truncate = 2, 4, 8, 16, 32
    found = {row["name"]: row["type"] for row in rows}
    for table in await db.fetch(TABLES):
        expected = before | delete | update | truncate | (0 if table["name"] in FREELY_INSERTED else insert)
        assert found.get(table["name"]) == expected, table["name"]


async def test_the_current_term_passes_the_fence_on_every_table(db: Any) -> None:
    """The test above proves nothing if the fence refused everybody."""
    epoch = await claim(db)
    for table in await db.fetch(TABLES):
        statement = f"UPDATE {table['name']} SET {table['writable']} = {table['writable']} WHERE false"  # noqa: S608 - likewise
        # VG003: some tables refuse it to everyone, behind the fence.
        assert await refusal(db, f"{KEY}:{epoch}", statement) in {None, "VG003"}, statement


@pytest.mark.parametrize(
    ("state", "owner", "refused"),
    [("ready", "NULL", None), ("dead", "NULL", None), ("claimed", "1", "VG001"), ("done", "NULL", "VG001")],
)
async def test_anybody_may_add_what_arrived_but_not_what_was_done(
    db: Any, state: str, owner: str, refused: str | None
) -> None:
    """Every instance stores ready and dead inbox rows; a row in any other state needs the fence."""
    statement = (
        "INSERT INTO inbox (source, dedupe_key, lane, body, state, owner_epoch) "  # noqa: S608 - values of this test
        f"VALUES ('telegram', 'k', 'l', '', '{state}', {owner})"
    )
    assert await refusal(db, None, statement) == refused


async def test_an_upsert_into_the_inbox_needs_the_fence(db: Any) -> None:
    """Adding is free, changing what is there is not."""
    statement = (
        "INSERT INTO inbox (source, dedupe_key, lane, body) VALUES ('telegram', 'k', 'l', '') "
        "ON CONFLICT (source, dedupe_key) DO UPDATE SET attempts = 99"
    )
    assert await refusal(db, None, statement) == "VG001"


@pytest.mark.parametrize("level", ["repeatable_read", "serializable"])
async def test_the_fence_refuses_snapshots_older_than_itself(db: Any, level: str) -> None:
    """Above READ COMMITTED the check would read an epoch from before the lock was granted."""
    epoch = await claim(db)
    with pytest.raises(asyncpg.PostgresError) as refused:
        async with db.transaction(isolation=level):
            await db.execute(sql("lock_fence"), KEY, epoch, 1)
    assert refused.value.sqlstate == "VG002"


async def test_the_fence_ends_with_its_transaction(db: Any) -> None:
    """The permission is not left behind on a pooled connection."""
    epoch = await claim(db)
    async with db.transaction():
        await db.execute(sql("lock_fence"), KEY, epoch, 1)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await db.execute("DELETE FROM users WHERE false")
    assert refused.value.sqlstate == "VG001"


async def test_a_fence_inside_a_savepoint_that_is_rolled_back_permits_nothing(db: Any) -> None:
    """The lock goes with the savepoint, so the permission must go too."""
    epoch = await claim(db)
    outer, inner = db.transaction(), db.transaction()
    await outer.start()
    await inner.start()
    await db.execute(sql("lock_fence"), KEY, epoch, 1)
    await inner.rollback()
    with pytest.raises(asyncpg.PostgresError) as refused:
        await db.execute("DELETE FROM users WHERE false")
    await outer.rollback()
    assert refused.value.sqlstate == "VG001"


async def test_a_writer_that_waited_for_a_claim_sees_the_new_epoch(db: Any, connect: Connect) -> None:
    """The two-statement race: the fence was asked for before the claim committed, and granted after."""
    await claim(db)
    challenger = await connect()
    attempt = challenger.transaction()
    await attempt.start()
    await claim(challenger)
    outcome: list[str | None] = []

    async def write() -> None:
        try:
            async with db.transaction():
                await db.execute(sql("lock_fence"), KEY, 1, 1)
        except asyncpg.PostgresError as error:
            outcome.append(error.sqlstate)
        else:
            outcome.append(None)

    observer = await connect()
    async with anyio.create_task_group() as group:
        group.start_soon(write)
        await until_waiting(observer, db.get_server_pid())
        assert outcome == []
        await attempt.commit()
    assert outcome == ["VG001"]


async def until_waiting(on: Any, pid: int) -> None:
    """Wait until this backend waits for a lock."""
    with anyio.fail_after(5):
        while not await on.fetchval("SELECT count(*) FROM pg_locks WHERE pid = $1 AND NOT granted", pid):  # noqa: ASYNC110 - only the server's own tables show it
            await anyio.sleep(0.005)


async def test_no_row_of_a_term_commits_after_the_next_one_began(db: Any, connect: Connect) -> None:
    """S1 under load: writers of every term race 200 claims; what a claim finds of older terms is never added to."""
    claims, writers = 200, 6
    await db.execute("CREATE TABLE witness (id bigint GENERATED ALWAYS AS IDENTITY, epoch bigint NOT NULL)")
    await db.execute("SELECT lock_fence_table('witness')")
    current, committed, fenced = 0, 0, 0
    found: list[tuple[int, int]] = []

    async def write(on: Any) -> None:
        nonlocal committed, fenced
        while current < claims:
            try:
                async with on.transaction():
                    epoch = max(current, 1)
                    await on.execute(sql("lock_fence"), KEY, epoch, 1)
                    await on.execute("INSERT INTO witness (epoch) VALUES ($1)", epoch)
                committed += 1
            except asyncpg.PostgresError as error:
                assert error.sqlstate == "VG001"  # noqa: PT017 - both outcomes are right, this one only with this code
                fenced += 1

    async with anyio.create_task_group() as group:
        current = await claim(db)
        for _ in range(writers):
            group.start_soon(write, await connect())
        for _ in range(1, claims):
            epoch = await claim(db)
            found.append((epoch, await db.fetchval("SELECT count(*) FROM witness WHERE epoch < $1", epoch)))
            current = epoch
    assert [epoch for epoch, _ in found] == list(range(2, claims + 1))
    for epoch, count in found:
        assert await db.fetchval("SELECT count(*) FROM witness WHERE epoch < $1", epoch) == count
    assert committed > claims
    assert fenced > 0
    await db.execute("DROP TABLE witness")


@pytest.fixture
async def small_pool(database_url: str) -> AsyncIterator[Any]:
    """A pool whose sessions default to a level that the fence refuses."""
    async with asyncpg.create_pool(
        database_url, min_size=1, max_size=2, server_settings={"default_transaction_isolation": "repeatable read"}
    ) as opened:
        yield opened


async def in_term(db: Any, pool: Any) -> tuple[FencedDatabase, Term]:
    """Begin a term; return the database as it sees it."""
    term = Term(await claim(db), "x", window=60, sent_at=boottime(), timeline=1)
    return FencedDatabase(pool, KEY, term), term


ids = itertools.count(9000)


async def test_a_fenced_transaction_commits_whatever_the_default_isolation_is(db: Any, small_pool: Any) -> None:
    """READ COMMITTED is asked for, not hoped for."""
    fenced, _ = await in_term(db, small_pool)
    user = next(ids)
    async with fenced.transaction() as connection:
        await connection.execute("INSERT INTO users (id, language) VALUES ($1, 'ru')", user)
    async with fenced.reading() as connection:
        assert await connection.fetchval("SELECT language FROM users WHERE id = $1", user) == "ru"


async def test_a_block_that_raises_leaves_nothing(db: Any, small_pool: Any) -> None:
    """An exception of the caller is the caller's, and rolls back."""
    fenced, term = await in_term(db, small_pool)
    user = next(ids)

    async def fail() -> None:
        async with fenced.transaction() as connection:
            await connection.execute("INSERT INTO users (id, language) VALUES ($1, 'ru')", user)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await db.fetchval("SELECT count(*) FROM users WHERE id = $1", user) == 0
    assert term.ended is None


async def test_a_stale_term_is_fenced_and_ends(db: Any, small_pool: Any) -> None:
    """The database's word ends the term at once, long before its deadline."""
    fenced, term = await in_term(db, small_pool)
    await claim(db)
    with pytest.raises(Fenced) as refused:
        async with fenced.transaction():
            pytest.fail("a fenced transaction began")
    assert refused.value.epoch == term.epoch
    assert term.ended == "fenced"
    with pytest.raises(TrustLost):
        async with fenced.transaction():
            pytest.fail("a transaction began in a term that has ended")


async def test_an_error_that_is_not_the_fence_does_not_end_the_term(db: Any, small_pool: Any) -> None:
    """A broken constraint is the handler's mistake."""
    fenced, term = await in_term(db, small_pool)
    with pytest.raises(asyncpg.CheckViolationError):
        async with fenced.transaction() as connection:
            await connection.execute("INSERT INTO users (id, language) VALUES ($1, 'xx')", next(ids))
    assert term.ended is None


async def test_a_write_through_reading_is_refused(db: Any, small_pool: Any) -> None:
    """Reading lends an unfenced connection."""
    fenced, term = await in_term(db, small_pool)
    async with fenced.reading() as connection:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute("INSERT INTO users (id, language) VALUES ($1, 'ru')", next(ids))
    assert refused.value.sqlstate == "VG001"
    assert term.ended is None


async def test_a_cancelled_block_is_rolled_back_and_lets_the_next_claim_in(db: Any, small_pool: Any) -> None:
    """Cancellation ends the transaction and with it the fence's lock."""
    fenced, _ = await in_term(db, small_pool)
    user = next(ids)
    began = anyio.Event()

    async def write() -> None:
        async with fenced.transaction() as connection:
            await connection.execute("INSERT INTO users (id, language) VALUES ($1, 'ru')", user)
            began.set()
            await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        group.start_soon(write)
        await began.wait()
        group.cancel_scope.cancel()
    assert await claim(db) == 2
    assert await db.fetchval("SELECT count(*) FROM users WHERE id = $1", user) == 0


async def test_every_transaction_of_ours_is_read_committed(small_pool: Any) -> None:
    """The helper that every transaction goes through asks for the level itself."""
    async with small_pool.acquire() as connection, database.transaction(connection):
        assert await connection.fetchval("SHOW transaction_isolation") == "read committed"
