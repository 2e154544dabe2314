"""The lock's verbs on databases that refuse them: one line, a hint, an exit code."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from supervisor.commands import lock
from supervisor.errors import ExitCode, SupervisorError

KEY = 4_213_370_000_000_000_001
VERBS = (lock.show, lock.history, lock.break_, lock.hand_over)
Verb = Callable[[argparse.Namespace], Awaitable[int]]
Run = Callable[[Verb], Awaitable[int]]


@pytest.fixture
def run(home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call a verb as the command line does, on the test's database."""
    monkeypatch.setenv("VIGIL_HOME", str(home))
    monkeypatch.setenv("DATABASE_URL", database_url)
    arguments = argparse.Namespace(json=True, limit=20, epoch=1, force=False, instance=None)
    return lambda verb: verb(arguments)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Any]:
    """A plain connection as the owner of the schema."""
    connection = await asyncpg.connect(database_url, timeout=10, command_timeout=10)
    yield connection
    await connection.close()


@pytest.fixture
def stranger(server: Any, database_url: str) -> Iterator[str]:
    """The address of the database for a role that was granted nothing."""
    parts = urlsplit(database_url)
    name = f"nobody_{parts.path[1:]}"
    server.admin(f"CREATE ROLE {name} LOGIN")
    yield urlunsplit(parts._replace(netloc=f"{name}@{parts.netloc.rpartition('@')[2]}"))
    server.admin(f"DROP ROLE {name}")


@pytest.mark.parametrize("verb", VERBS)
async def test_a_schema_without_the_lock_says_to_migrate(
    run: Run, verb: Verb, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fresh database, or one that only an older build has seen."""
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    with pytest.raises(SupervisorError, match="has no lock yet") as refused:
        await run(verb)
    assert refused.value.hint == "vigil migrate apply"


@pytest.mark.parametrize("verb", VERBS)
async def test_a_role_without_rights_is_refused_as_such(
    run: Run, verb: Verb, stranger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it may not do is named."""
    monkeypatch.setenv("DATABASE_URL", stranger)
    with pytest.raises(SupervisorError, match="permission denied") as refused:
        await run(verb)
    assert refused.value.hint


async def test_a_read_only_server_breaks_nothing_and_is_told(run: Run, db: Any, server: Any, database_url: str) -> None:
    """Reading goes on."""
    await db.execute("SELECT lock_claim($1, 'one-00000001', 60000, 0, 0, 'free', false)", KEY)
    server.admin(f"ALTER DATABASE {urlsplit(database_url).path[1:]} SET default_transaction_read_only = on")
    assert await run(lock.show) == ExitCode.OK
    with pytest.raises(SupervisorError, match="read-only"):
        await run(lock.break_)


async def test_a_lease_that_somebody_holds_locked_is_told_after_a_moment(run: Run, db: Any) -> None:
    """A claim that is under way, or a hand in psql."""
    await db.execute("SELECT lock_claim($1, 'one-00000001', 60000, 0, 0, 'free', false)", KEY)
    async with db.transaction():
        await db.execute("SELECT FROM lock_heartbeat FOR UPDATE")
        with pytest.raises(SupervisorError, match="lock timeout"):
            await run(lock.break_)
    assert await run(lock.break_) == ExitCode.OK


async def test_an_old_epoch_is_refused_and_changes_nothing(run: Run, db: Any) -> None:
    """It says which epoch is the current one; what was broken or released once cannot be broken again."""
    with pytest.raises(SupervisorError, match="no instance has ever led"):
        await run(lock.break_)
    await db.execute("SELECT lock_claim($1, 'one-00000001', 60000, 0, 0, 'free', false)", KEY)
    await db.execute("SELECT lock_release($1, 'one-00000001', 1)", KEY)
    with pytest.raises(SupervisorError, match="free already"):
        await run(lock.break_)
    await db.execute("SELECT lock_claim($1, 'two-00000002', 60000, 1, 0, 'free', false)", KEY)
    before = await db.fetchrow("SELECT * FROM lock_heartbeat")
    with pytest.raises(SupervisorError, match="the current epoch is 2, held by two-00000002"):
        await run(lock.break_)
    assert await db.fetchrow("SELECT * FROM lock_heartbeat") == before


async def test_a_foreign_row_in_the_lease_table_hides_nothing(run: Run, db: Any) -> None:
    """What is broken and handed over is the lease that has the token, whichever row comes first."""
    await db.execute(
        "INSERT INTO lock_heartbeat (lock_key, epoch, state, beat, renewed_at, expires_at) VALUES (1, 7, 'free', 0, now(), now())"
    )
    with pytest.raises(SupervisorError, match="no instance has ever led"):
        await run(lock.break_)
    await db.execute("SELECT lock_claim($1, 'one-00000001', 60000, 0, 0, 'free', false)", KEY)
    with pytest.raises(SupervisorError, match="one-00000001 leads and nobody stands by"):
        await run(lock.hand_over)
    assert await run(lock.break_) == ExitCode.OK
    assert await db.fetchval("SELECT state FROM lock_heartbeat WHERE lock_key = $1", KEY) == "broken"


async def test_nobody_to_hand_over_is_refused(run: Run, db: Any) -> None:
    """Neither without a leader, nor without another instance."""
    with pytest.raises(SupervisorError, match="Nobody leads"):
        await run(lock.hand_over)
    await db.execute("SELECT lock_claim($1, 'one-00000001', 60000, 0, 0, 'free', false)", KEY)
    with pytest.raises(SupervisorError, match="nobody stands by"):
        await run(lock.hand_over)


async def test_within_the_lease_of_a_holder_that_was_killed_nothing_is_handed_over(
    run: Run, db: Any, database_url: str
) -> None:
    """Its beacon is gone with its session, so nobody is told that it leads."""
    holder = await asyncpg.connect(database_url, timeout=10, command_timeout=10)
    await holder.execute("SELECT lock_claim($1, 'one-00000001', 60000, 0, 0, 'free', true)", KEY)
    with pytest.raises(SupervisorError, match="one-00000001 leads and nobody stands by"):
        await run(lock.hand_over)
    await holder.close()
    with pytest.raises(SupervisorError, match=r"one-00000001 cannot be asked: .* over in [56]\d\.\d s") as refused:
        await run(lock.hand_over)
    assert refused.value.hint


@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_that_looks_makes_no_database(
    run: Run, verb: Verb, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a fresh machine there is nothing to look at, and nothing is there afterwards either."""
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(SupervisorError, match="There is no database in"):
        await run(verb)
    assert not (home / "postgres").exists()
