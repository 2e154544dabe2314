"""`vigil doctor` and `vigil smoke` on real databases that are well, and on each kind that is not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from bot.settings import BotSettings
from supervisor.app import doctor, smoke
from supervisor.app.mode import Reading
from supervisor.check import Check
from supervisor.settings import Settings
from supervisor.term import lock_key_for
from supervisor.timing import PROFILES
from tests.pgbouncer import pooling

BOT = BotSettings.model_validate({"telegram_bot_token": "7:" + "a" * 35, "kie_api_key": "k" * 20, "admin_ids": "7"})
KEY = lock_key_for(BOT.bot_id)
DOCTOR = {
    *("database", "server", "writable", "clock offset", "rights", "lock functions", "migrations", "pooler", "bot"),
    *("lease", "connections"),
}
SMOKE = {"database", "migrations", "heartbeat", "inbox", "ledger"}


def settings(home: Path, url: str, **more: object) -> Settings:
    return Settings.model_validate({"vigil_home": home, "database_url": url, **more})


async def examined(home: Path, url: str, **more: object) -> dict[str, Check]:
    return {check.name: check for check in await doctor._database(settings(home, url, **more), BOT)}


async def smoked(home: Path, url: str) -> dict[str, Check]:
    reading = Reading(False, "a test", settings(home, url), BOT, PROFILES["fast"])
    return {check.name: check async for check in smoke._database(reading)}


def entries(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def results(checks: dict[str, Check]) -> dict[str, str]:
    return {name: check.result for name, check in checks.items()}


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Any]:
    """A plain connection as the owner of the schema."""
    connection = await asyncpg.connect(database_url, timeout=10, command_timeout=10)
    yield connection
    await connection.close()


@pytest.fixture
def stranger(server: Any, database_url: str) -> Iterator[str]:
    """The address of the database for a role that owns nothing and was granted nothing."""
    parts = urlsplit(database_url)
    name = f"stranger_{parts.path[1:]}"
    server.admin(f"CREATE ROLE {name} LOGIN")
    yield urlunsplit(parts._replace(netloc=f"{name}@{parts.netloc.rpartition('@')[2]}"))
    server.admin(f"DROP ROLE {name}")


async def test_a_database_that_is_well_passes(home: Path, database_url: str) -> None:
    """Every check is made, and none warns of nothing."""
    assert results(await examined(home, database_url)) == dict.fromkeys(DOCTOR, "ok")
    assert results(await smoked(home, database_url)) == dict.fromkeys(SMOKE, "ok")


async def test_both_change_nothing(home: Path, database_url: str, db: Any) -> None:
    """They are for a running production: not one row is written, nor a heartbeat renewed."""
    await db.execute("SELECT lock_claim($1, 'one-00000001', 60000, 0, 0, 'free', false)", KEY)
    tables = await _contents(db)
    await examined(home, database_url)
    await smoked(home, database_url)
    assert await _contents(db) == tables


async def _contents(db: Any) -> dict[str, Any]:
    names = await db.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
    return {
        row["relname"]: await db.fetchval(f"SELECT array_agg(t::text ORDER BY t::text) FROM {row['relname']} t")  # noqa: S608 - a table's name
        for row in names
    }


async def test_a_schema_without_the_lock_migration_is_told(home: Path, empty_database_url: str) -> None:
    """With what to do, and without a traceback."""
    found = await examined(home, empty_database_url)
    assert found["migrations"].result == found["lock functions"].result == "failed"
    assert "vigil migrate apply" in (found["lock functions"].hint or "")
    assert found["lease"].result == "skip"
    assert {check.result for name, check in (await smoked(home, empty_database_url)).items() if name != "database"} == {
        "failed"
    }


async def test_a_role_without_rights_is_told_what_it_may_not_do(home: Path, stranger: str) -> None:
    """Each right by name: the operator asks the owner for exactly these."""
    found = await examined(home, stranger)
    assert found["rights"].result == "failed"
    for right in ("create in schema", "lock_heartbeat", "migrate what belongs to vigil"):
        assert right in found["rights"].found
    assert set(results(await smoked(home, stranger)).values()) == {"ok", "failed"}


async def test_the_rights_on_every_table_are_examined(home: Path, stranger: str, db: Any) -> None:
    """Every table there is, so that a new one cannot be forgotten."""
    missing = (await examined(home, stranger))["rights"].found
    tables = set(await _contents(db))
    assert {"inbox", "users", "chat_moved", "group_unreachable", "payment_order", "migration_history"} <= tables
    assert {table for table in tables if not re.search(rf"\b{table}\b", missing)} == set()


async def test_a_role_that_may_not_remove_is_told(home: Path, stranger: str, db: Any) -> None:
    """Retention removes rows, and a group that speaks again is no longer noted as gone."""
    role = urlsplit(stranger).username
    await db.execute(f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}")
    found = (await examined(home, stranger))["rights"].found
    await db.execute(
        f"GRANT DELETE ON dialog, generation_result, group_unreachable, inbox, model_hour, model_switch, outbox TO {role}"
    )
    then = (await examined(home, stranger))["rights"].found
    await db.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
    assert "remove from dialog, generation_result, group_unreachable, inbox, model_hour, model_switch, outbox" in found
    assert "read and write" not in found
    assert "remove" not in then


async def test_a_read_only_server_is_told(home: Path, database_url: str, server: Any) -> None:
    """Somebody pointed us at a standby."""
    server.admin(f"ALTER DATABASE {urlsplit(database_url).path[1:]} SET default_transaction_read_only = on")
    assert (await examined(home, database_url))["writable"].result == "failed"
    assert (await smoked(home, database_url))["heartbeat"].result == "failed"


async def test_a_foreign_row_in_the_lease_table_is_told(home: Path, database_url: str, db: Any) -> None:
    """Two locks in one schema would let two terms write side by side."""
    await db.execute("SELECT lock_claim($1, 'one-00000001', 60000, 0, 0, 'free', false)", KEY)
    await db.execute(
        "INSERT INTO lock_heartbeat (lock_key, epoch, state, beat, renewed_at, expires_at) VALUES (1, 1, 'free', 0, now(), now())"
    )
    found = (await examined(home, database_url))["lease"]
    assert found.result == "failed"
    assert "several locks" in found.found


async def test_another_bots_database_is_told(home: Path, database_url: str, db: Any) -> None:
    """By the bot's id, which is no secret."""
    await db.execute("INSERT INTO generated_setting (name, value) VALUES ('bot_id', '8')")
    found = (await examined(home, database_url))["bot"]
    assert found.result == "failed"
    assert "bot 8" in found.found


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@127.0.0.1:1/x", "postgresql://u:hunter2@nowhere.invalid/x"])
async def test_a_database_that_is_away_is_one_failed_check(
    home: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are not made, and the password is not shown."""
    monkeypatch.setattr("supervisor.commands.reach.REACH_SECONDS", 0.3)
    found = await examined(home, url)
    assert results(found) == {"database": "failed"}
    assert "hunter2" not in found["database"].found
    assert results(await smoked(home, url)) == {"database": "failed", **dict.fromkeys(SMOKE - {"database"}, "skip")}


@pytest.mark.needs("pgbouncer")
async def test_a_pooler_before_the_lock_is_told_and_beside_it_is_fine(
    home: Path, database_url: str, server: Any
) -> None:
    """With DATABASE_URL_DIRECT the workload may use one; smoke works through it either way."""
    with pooling(server, database_url, "transaction") as pooled:
        assert (await examined(home, pooled))["pooler"].result == "warning"
        assert set(results(await smoked(home, pooled)).values()) == {"ok"}
        found = (await examined(home, pooled, database_url_direct=database_url))["pooler"]
        assert (found.result, "goes through one" in found.found) == ("ok", True)


async def test_an_embedded_database_that_was_never_made_is_not_made(home: Path) -> None:
    """Looking at a fresh machine leaves it fresh."""
    base = Settings.model_validate({"vigil_home": home})
    assert [check.result for check in await doctor._database(base, BOT)] == ["skip"]
    reading = Reading(False, "a test", base, BOT, PROFILES["fast"])
    assert (await anext(smoke._database(reading))).result == "failed"
    assert entries(home) == []


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("ALTER TABLE ledger_transaction DROP CONSTRAINT ledger_transaction_idempotency_key_key", "idempotency_key"),
        ("ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_balanced", "ledger_entry_balanced"),
        ("ALTER TABLE inbox DROP CONSTRAINT inbox_source_dedupe_key_key", "inbox(source,dedupe_key)"),
    ],
)
async def test_a_guard_of_the_money_that_is_gone_is_told(
    home: Path, database_url: str, db: Any, statement: str, says: str
) -> None:
    """Without it a charge could happen twice, and nothing else would notice."""
    await db.execute(statement)
    found = (await smoked(home, database_url))["ledger"]
    assert found.result == "failed"
    assert says in found.found


async def test_money_that_does_not_add_up_is_told(home: Path, database_url: str, db: Any) -> None:
    """Somebody has switched the guards off, and changed a balance by hand."""
    await db.execute("ALTER TABLE users DISABLE TRIGGER USER")
    await db.execute("ALTER TABLE ledger_account DISABLE TRIGGER USER")
    await db.execute("INSERT INTO users (id, language) VALUES (1, 'en')")
    await db.execute("INSERT INTO ledger_account (user_id, name, balance) VALUES (1, 'available', 5000)")
    found = (await smoked(home, database_url))["ledger"]
    assert found.result == "failed"
    assert "1 balances do not follow" in found.found


async def test_updates_that_nobody_works_on_are_told(home: Path, database_url: str, db: Any) -> None:
    """The inbox answers, and still something is wrong."""
    await db.execute(
        "INSERT INTO inbox (source, dedupe_key, lane, body, received_at)"
        " VALUES ('telegram', '1', 'chat:1', '', now() - interval '10 minutes')"
    )
    found = (await smoked(home, database_url))["inbox"]
    assert found.result == "failed"
    assert "1 ready" in found.found


async def test_a_heartbeat_that_renews_for_a_stranger_is_told(home: Path, database_url: str, db: Any) -> None:
    """The predecessor's function renewed for whoever called it."""
    await db.execute(
        "CREATE OR REPLACE FUNCTION update_lock_heartbeat(p_lock_key bigint, p_instance_id text) RETURNS boolean"
        " LANGUAGE sql AS 'SELECT true'"
    )
    assert (await smoked(home, database_url))["heartbeat"].result == "failed"
