"""What makes the database usable: reached by both addresses, migrated, ours, its secrets known to the redactor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import anyio
import pytest
from pydantic import SecretStr

from supervisor.app.infrastructure import DATABASE_SECONDS, MIGRATOR_SECONDS, Database
from supervisor.app.instance import Instance
from supervisor.errors import ConfigError
from supervisor.keeper import Keeper
from supervisor.migrator import FILE_SECONDS
from supervisor.view import LockState, LockView
from telemetry import redact


@asynccontextmanager
async def running(instance: Instance, direct: str) -> AsyncIterator[Instance]:
    async with anyio.create_task_group() as group:
        await group.start(Database(instance, direct).serve)
        yield instance
        group.cancel_scope.cancel()


async def test_the_webhooks_secrets_are_generated_once_and_never_logged(instance: Instance, database_url: str) -> None:
    """Every instance reads the same; a line that quotes one of them shows a mask."""
    try:
        async with running(instance, database_url):
            first = instance.webhook_secrets
        async with running(instance, database_url):
            second = instance.webhook_secrets
        assert first is not None
        assert first == second
        assert redact.redact(f"set {first.path} {first.token}") == "set *** ***"
    finally:
        redact.forget_secrets()


@pytest.mark.parametrize("address", ["postgresql://u:se/cret@127.0.0.1:1/bot", "{}_that_is_not_there"])
async def test_a_wrong_address_of_the_pool_is_refused_though_the_direct_one_is_right(
    instance: Instance, database_url: str, address: str
) -> None:
    """Trying again would never help, and asyncpg's own words may quote half of the password."""
    changed = instance.settings.model_copy(update={"database_url": SecretStr(address.format(database_url))})
    with pytest.raises(ExceptionGroup) as refused:
        async with running(replace(instance, settings=changed), database_url):
            pytest.fail("it started")
    assert refused.group_contains(ConfigError)
    assert "'se'" not in str(refused.value.exceptions)


async def test_readiness_names_a_function_of_the_lock_that_is_missing(
    instance: Instance, database_url: str, pool: Any
) -> None:
    """Without it no instance could ever lead; the role that owns it may also have been denied it."""
    async with running(instance, database_url):
        assert not [reason for reason in await instance.not_ready() if "missing" in reason]
        await pool.execute("ALTER FUNCTION lock_renew RENAME TO lock_renew_gone")
        await pool.execute("REVOKE EXECUTE ON FUNCTION lock_fence(bigint, bigint, bigint) FROM public, vigil")
        reasons = " ".join(await instance.not_ready())
    assert "lock_renew(bigint" in reasons
    assert "lock_fence(bigint" in reasons
    assert "lock_claim(bigint" not in reasons


async def test_a_role_without_rights_is_a_wrong_setting_not_a_crash_loop(
    instance: Instance, server: Any, database_url: str, pool: Any
) -> None:
    """It may read and nothing else: starting again would never help, and the hint says what would."""
    parts = urlsplit(database_url)
    name = f"reader_{parts.path[1:]}"
    server.admin(f"CREATE ROLE {name} LOGIN")
    try:
        await pool.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
        url = urlunsplit(parts._replace(netloc=f"{name}@{parts.netloc.rpartition('@')[2]}"))
        with pytest.raises(ExceptionGroup) as refused:
            async with running(instance, url):
                pytest.fail("it started")
        (error,) = refused.value.exceptions
        assert isinstance(error, ConfigError)
        assert error.hint is not None
        assert "vigil doctor" in error.hint
        assert "permission denied" in str(error)
    finally:
        revoked = "REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM"
        await pool.execute(f"{revoked} {name}")
        server.admin(f"DROP ROLE {name}")


async def test_an_instance_that_could_never_lead_is_not_ready(instance: Instance) -> None:
    """A heartbeat that does not renew, a schema without the lock: somebody has to look, so the deploy must not go on."""
    keeper = Keeper(url=str, lock_key=1, instance_id="a", timing=instance.timing, last_tick=float)
    instance.keeper = keeper
    keeper._desk.publish(LockView(LockState.PASSIVE, "waiting"))
    assert not [reason for reason in await instance.not_ready() if "lead" in reason]
    keeper._desk.publish(LockView(LockState.PASSIVE, "heartbeat"))
    assert "this instance could never lead: heartbeat" in await instance.not_ready()


def test_a_long_migration_is_not_cut_short_by_the_start_of_its_child() -> None:
    """Rolled back and begun anew, it would never end."""
    assert DATABASE_SECONDS > 60 + MIGRATOR_SECONDS + 2 * FILE_SECONDS
