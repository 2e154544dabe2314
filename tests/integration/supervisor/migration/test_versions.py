"""Two versions on one database during a deploy: the old code on the newest schema, the new code before any post file.

`old_version/` holds the statements of the release before, frozen; `RELEASED` says which files it knew. When a release
is made, its statements replace them.
"""

from __future__ import annotations

from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import pytest

from supervisor.database import connected, transaction
from supervisor.migration import Phase
from supervisor.migrator import apply_migrations_safe, load_migrations

RELEASED = 5
OLD = {
    path: path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "old_version").glob("*/*.sql"))
}
NEW = {
    f"{package}/{entry.name}": entry.read_text(encoding="utf-8")
    for package in ("supervisor.sql", "bot.sql")
    for entry in sorted(resources(package).iterdir(), key=lambda entry: entry.name)
    if entry.name.endswith(".sql")
}
SEVERAL = "migration_bootstrap"
"""Several statements: nothing that could be prepared."""


@pytest.fixture
async def new_schema(empty_database_url: str) -> str:
    """A database with every pre file and no post file: what both versions see during a deploy."""
    await apply_migrations_safe(empty_database_url)
    return empty_database_url


async def shape(connection: Any, statement: str) -> list[tuple[str, ...]]:
    """Return what a statement takes and gives, by name and type, as the server understands it."""
    prepared = await connection.prepare(statement)
    takes = [("takes", kind.name) for kind in prepared.get_parameters()]
    return [*takes, *(("gives", given.name, given.type.name) for given in prepared.get_attributes())]


async def test_every_statement_of_the_old_version_means_the_same_on_the_new_schema(
    empty_database_url: str, database_url: str
) -> None:
    """Its names resolve, and what it takes and gives has the same types: old instances go on during a deploy."""
    old_pre = load_migrations()[:RELEASED]
    assert all(migration.phase is Phase.PRE for migration in old_pre)
    await apply_migrations_safe(empty_database_url, old_pre)
    assert len(OLD) > 90
    async with (
        connected(empty_database_url, application_name="test") as before,
        connected(database_url, application_name="test") as after,
    ):
        for path, statement in OLD.items():
            if path.stem != SEVERAL:
                assert await shape(after, statement) == await shape(before, statement), path.name


async def test_a_term_of_the_old_version_works_on_the_new_schema(new_schema: str) -> None:
    """It claims, renews, writes behind its fence, stores an update, and releases, with its own statements."""
    old = {path.stem: text for path, text in OLD.items()}
    key, name, lease = 7, "old", 10_000
    async with connected(new_schema, application_name="old version") as connection:
        epoch, timeline, _ = await connection.fetchrow(old["lock_claim"], key, name, lease, None, None, "free", False)
        assert epoch == 1
        assert await connection.fetchval(old["lock_renew"], key, name, epoch, lease) is True
        assert await connection.fetch(old["lock_watch"], key, None)
        async with transaction(connection):
            await connection.execute(old["lock_fence"], key, epoch, timeline)
            await connection.execute("INSERT INTO users (id, language) VALUES (1, 'en')")
        assert await connection.fetchval("SELECT update_lock_heartbeat($1::bigint, $2::text)", key, name) is True
        assert await connection.fetch(old["ready_check"]) == []
        assert await connection.fetchval(old["migration_ready"]) is True
        assert await connection.fetchval(old["lock_release"], key, name, epoch) is True
        assert await connection.fetchval(old["lock_claim"], key, "next", lease, None, None, "free", False) == epoch + 1


async def test_every_statement_of_this_version_works_before_any_post_file(new_schema: str) -> None:
    """A post file may fail, or wait: the code works on the schema that pre files alone make."""
    async with connected(new_schema, application_name="test") as connection:
        for name, statement in NEW.items():
            if SEVERAL not in name:
                await connection.prepare(statement)
    assert len(NEW) > 60
