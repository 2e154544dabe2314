"""Post migrations: by an ACTIVE that knows them, behind the fence of its term, and never in the way of its work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import TaskStatus

from supervisor import migrator, tree
from supervisor.app.infrastructure import Database
from supervisor.app.instance import Instance
from supervisor.app.post import NAME, PostMigrations
from supervisor.app.workload import workload
from supervisor.child import ChildSpec, ChildState
from supervisor.clock import boottime
from supervisor.database import connected
from supervisor.fence import FencedDatabase
from supervisor.inbox.writer import Writer
from supervisor.migration import Migration
from supervisor.sql import sql
from supervisor.term import Term
from telemetry import events, redact, testing
from tests.integration.children import running

Eventually = Callable[..., Awaitable[Any]]
POST = "0900_post_contract"
CONTRACT = "INSERT INTO users (id, language) VALUES (1, 'en'); ALTER TABLE outbox DROP COLUMN last_error;"
STATUS = "SELECT status FROM migration_history WHERE migration_name = $1::text"


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, instance: Instance, database_url: str) -> Callable[[str], None]:
    """Return a function that adds a post file to this build, as one that the start has held back."""
    instance.direct = database_url
    ours = migrator.load_migrations()

    def ship(text: str) -> None:
        post = Migration.parse(f"{POST}.sql", text.encode())
        monkeypatch.setattr(migrator, "load_migrations", lambda: (*ours, post))
        instance.held_back = (POST,)

    return ship


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Any]:
    """A connection beside the instance's."""
    async with connected(database_url, application_name="test") as connection:
        yield connection


async def won(db: Any, instance: Instance) -> Term:
    """Begin the next term."""
    await db.execute("UPDATE lock_heartbeat SET state = 'free', instance_id = NULL")
    claim = instance.lock_key, instance.instance_id, 60_000, None, None, "free", False
    token = await db.fetchrow(sql("lock_claim"), *claim)
    return Term(token["epoch"], instance.instance_id, window=60, sent_at=boottime(), timeline=token["timeline"])


async def at_work(*, task_status: TaskStatus[None]) -> None:
    """Stand for the bot's work."""
    task_status.started()
    await anyio.sleep_forever()


@asynccontextmanager
async def leading(instance: Instance, term: Term) -> AsyncIterator[tree.Tree]:
    """Run a workload with the post migrations of a term."""
    specs = [PostMigrations(instance, term).spec(), ChildSpec("work", at_work)]
    async with tree.open_tree(specs, on_fatal=instance.fail, strategy="rest_for_one") as children:
        await children.start()
        try:
            yield children
        finally:
            await children.stop(5)


def state_of(children: tree.Tree, name: str) -> ChildState:
    """Return the state of a child."""
    return children.children[name].state


async def test_a_new_term_applies_the_post_files_behind_its_fence(
    instance: Instance, shipped: Callable[[str], None], db: Any, eventually: Eventually
) -> None:
    """The file may change fenced tables, since the term's fence is the first thing in its transaction."""
    shipped(CONTRACT)
    async with leading(instance, await won(db, instance)) as children:
        await eventually(lambda: state_of(children, NAME) is ChildState.READY)
    assert await db.fetchval(STATUS, POST) == "success"
    assert await db.fetchval("SELECT count(*) FROM users") == 1
    assert instance.held_back == (), "the next term need not look again"


async def test_a_term_that_is_over_contracts_nothing(
    instance: Instance, shipped: Callable[[str], None], db: Any, eventually: Eventually
) -> None:
    """Its successor may be of an older version: the fence refuses, the term ends, the file is not marked as failed."""
    shipped(CONTRACT)
    stale = await won(db, instance)
    await won(db, instance)
    async with leading(instance, stale):
        await eventually(lambda: stale.ended == "fenced")
    assert await db.fetchval(STATUS, POST) is None
    assert await db.fetchval("SELECT count(*) FROM users") == 0


async def test_a_post_file_that_fails_leaves_the_bot_at_work_and_is_loud(
    instance: Instance, shipped: Callable[[str], None], db: Any, eventually: Eventually
) -> None:
    """The old schema still serves; the status is degraded by the child, the history says why, and nothing drains."""
    shipped(f"{CONTRACT} SELECT nonsense;")
    with testing.record() as recorded:
        async with leading(instance, await won(db, instance)) as children:
            await eventually(lambda: state_of(children, NAME) is ChildState.GAVE_UP)
            assert state_of(children, "work") is ChildState.READY
    assert (instance.failure, instance.draining) == (None, False)
    assert [event.versions for event in recorded.all(events.PostMigrationsLeft)] == [(POST,)]
    assert recorded.all(events.MigrationsCounted)[-1].failed == 1
    assert await db.fetchval(STATUS, POST) == "failed"
    assert await db.fetchval("SELECT count(*) FROM users") == 0
    assert instance.held_back == (POST,), "the next term tries again"


async def test_a_migrator_elsewhere_is_not_waited_for(
    instance: Instance, shipped: Callable[[str], None], db: Any, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another instance may build an index for a quarter of an hour."""
    monkeypatch.setattr("supervisor.app.post.LOCK_SECONDS", 0.2)
    shipped(CONTRACT)
    await db.fetchval("SELECT pg_advisory_lock($1::bigint)", migrator.LOCK_KEY)
    async with leading(instance, await won(db, instance)) as children:
        await eventually(lambda: state_of(children, NAME) is ChildState.GAVE_UP)
        assert state_of(children, "work") is ChildState.READY
    assert await db.fetchval(STATUS, POST) is None


async def test_a_start_holds_post_files_back_and_the_workload_runs_them_first(
    instance: Instance, shipped: Callable[[str], None], db: Any, database_url: str
) -> None:
    """A starting instance may be PASSIVE beside an ACTIVE of an older version; without any, no term pays for a look."""
    shipped(CONTRACT)
    instance.held_back, instance.direct = (), ""
    try:
        async with running(Database(instance, database_url).serve):
            assert list(instance.held_back) == [POST]
            assert str(instance.direct) == database_url
            assert await db.fetchval(STATUS, POST) is None
            term = await won(db, instance)
            fenced = FencedDatabase(instance.need_pool(), instance.lock_key, term)
            names = [spec.name for spec in workload(instance, fenced, term, Writer(str))]
            assert (names[0], names[-1]) == (NAME, "retention")
            instance.held_back = ()
            assert [spec.name for spec in workload(instance, fenced, term, Writer(str))] == names[1:]
    finally:
        redact.forget_secrets()
