"""The inbox's verbs on a real database: what they show, what they refuse, and what they ask for."""

from __future__ import annotations

import argparse
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest

from supervisor.commands import inbox
from supervisor.errors import ExitCode, SupervisorError

KEY = 11
Run = Callable[..., Awaitable[Any]]


@pytest.fixture
def run(
    home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Awaitable[Any]]:
    """Call a verb as the command line does with --json, and return its exit code and what it told."""
    monkeypatch.setenv("VIGIL_HOME", str(home))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setattr(inbox, "OUTCOME_SECONDS", 0.2)
    monkeypatch.setattr(inbox, "TAKEN_SECONDS", 0.2)

    async def call(verb: Any, **given: Any) -> tuple[int, Any]:
        arguments = {"json": True, "lanes": 10, "limit": 20, "before": None, "body": False, "ids": [], **given}
        code = await verb(argparse.Namespace(**arguments))
        return code, json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Any]:
    """A plain connection as the owner of the schema, with a term of its own."""
    connection = await asyncpg.connect(database_url, timeout=10, command_timeout=10)
    await connection.execute("SELECT lock_claim($1, 'test', 600000, NULL, NULL, 'free')", KEY)
    yield connection
    await connection.close()


async def put(db: Any, key: str, state: str = "dead", lane: str = "chat:1", body: bytes = b"{}") -> int:
    """Put a row there in any state."""
    async with db.transaction():
        await db.execute("SELECT lock_fence($1, 1)", KEY)
        number: int = await db.fetchval(
            "INSERT INTO inbox (source, dedupe_key, lane, body, state, owner_epoch, attempts, last_error, settled_at,"
            " received_at) VALUES ('telegram', $1, $2, $3, $4, CASE WHEN $4 = 'claimed' THEN 1 END, 3,"
            " CASE WHEN $4 = 'dead' THEN 'Boom in bot.x:1' END, CASE WHEN $4 IN ('done', 'dead') THEN now() END,"
            " now() - interval '90 seconds') RETURNING id",
            key,
            lane,
            body,
            state,
        )
    return number


async def test_stats_tells_depth_age_rates_and_the_fullest_lanes(run: Run, db: Any) -> None:
    """The documented fields, and no others that nobody knows."""
    for number in range(5):
        await put(db, f"r{number}", "ready", f"chat:{number % 2}")
    for state in ("claimed", "done", "done", "dead"):
        await put(db, f"{state}{number}", state, "chat:7")
        number += 1
    code, found = await run(inbox.stats, lanes=2)
    assert code == ExitCode.OK
    assert {name: found[name] for name in ("ready", "claimed", "done", "dead")} == {
        "ready": 5,
        "claimed": 1,
        "done": 2,
        "dead": 1,
    }
    assert 90 <= found["oldest_seconds"] < 120
    assert found["arrived_per_second"] == 0
    assert found["done_per_second"] == pytest.approx(2 / 60, rel=0.1)
    assert [(lane["lane"], lane["rows"]) for lane in found["lanes"]] == [("chat:0", 3), ("chat:1", 2)]
    assert {"counted_to", "lanes_counted_to"} <= set(found)


async def test_stats_of_an_empty_inbox_are_zeros(run: Run, db: Any) -> None:
    """Nothing waits, so nothing is old; nothing came, so the rates are 0, as the text for people says."""
    _, found = await run(inbox.stats)
    assert (found["ready"], found["oldest_seconds"], found["lanes"]) == (0, None, [])
    assert (found["arrived_per_second"], found["done_per_second"]) == (0, 0)


async def test_rates_of_a_flood_come_from_its_newest_rows(run: Run, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more came than is looked at, the time they span counts, not the minute."""
    monkeypatch.setattr(inbox, "RATED", 10)
    await db.execute(
        "INSERT INTO inbox (source, dedupe_key, lane, body, received_at)"
        " SELECT 'telegram', n, 'chat:1', '', now() - (101 - n) * interval '100 ms' FROM generate_series(1, 100) AS n"
    )
    _, found = await run(inbox.stats)
    assert found["arrived_per_second"] == pytest.approx(10, rel=0.5)


async def test_dead_letters_are_listed_newest_first_in_pages_without_their_bodies(run: Run, db: Any) -> None:
    """A body holds what a user wrote: it is shown only to whoever asks for it."""
    ids = [await put(db, str(number), body=b'{"text": "my secret \xff\x00"}') for number in range(3)]
    await put(db, "alive", "ready")
    _, first = await run(inbox.dead, limit=2)
    assert [letter["id"] for letter in first["dead"]] == [ids[2], ids[1]]
    assert first["before"] == ids[1]
    assert set(first["dead"][0]) == {
        *("id", "source", "lane", "received_at", "died_at", "attempts", "reason", "bytes"),
    }
    assert "secret" not in json.dumps(first)
    _, second = await run(inbox.dead, limit=2, before=first["before"], body=True)
    assert [(letter["id"], letter["body"]) for letter in second["dead"]] == [
        (ids[0], '{"text": "my secret \\xff\x00"}')
    ]
    assert second["before"] is None


async def test_nothing_is_asked_for_when_one_row_cannot_be_replayed(run: Run, db: Any) -> None:
    """Unknown, not dead, never readable: each says so, with a hint, and the dead one beside it is left alone."""
    dead = await put(db, "1")
    alive, unreadable = await put(db, "2", "ready"), await put(db, "3", lane="op:malformed")
    for wrong, said in ((999, "there is none"), (alive, "it is ready"), (unreadable, "no update")):
        with pytest.raises(SupervisorError, match=said) as refused:
            await run(inbox.replay, ids=[dead, wrong])
        assert refused.value.hint
        assert refused.value.exit_code == ExitCode.FAILED
    assert await db.fetchval("SELECT count(*) FROM inbox WHERE source = 'operator'") == 0


async def test_without_an_active_the_order_is_accepted_once_and_waits(
    run: Run, db: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1: it is not done yet, and no error is told. Asked again, it is the same order."""
    letter = await put(db, "1")
    orders = []
    for _ in range(2):
        code, (outcome,) = await run(inbox.replay, ids=[letter, letter])
        assert (code, outcome["state"], outcome["replayed_as"]) == (ExitCode.FAILED, "accepted", None)
        orders.append(outcome["order"])
    assert orders[0] == orders[1]
    assert capsys.readouterr().err == ""
    found = await db.fetch("SELECT lane, body FROM inbox WHERE source = 'operator'")
    assert [(row["lane"], json.loads(row["body"])) for row in found] == [
        ("op:replay", {"order": "replay", "id": letter})
    ]


async def test_the_outcome_names_the_new_row_and_how_it_ended(run: Run, db: Any, eventually: Any) -> None:
    """Done is exit 0; dead again, or an order that was refused, is exit 1 with the reason."""
    async with anyio.create_task_group() as group:
        for number, (again, code) in enumerate((("done", 0), ("dead", 1), (None, 1))):
            letter = await put(db, str(number))
            group.start_soon(_active, eventually, db, letter, again)
            found, (outcome,) = await run(inbox.replay, ids=[letter])
            assert (found, outcome["state"]) == (code, again or "refused")
            assert (outcome["replayed_as"] is None) == (again is None)
            assert (outcome["reason"] is None) == (again == "done")
    with pytest.raises(SupervisorError, match="it is done, replayed as"):
        await run(inbox.replay, ids=[1])


@pytest.mark.parametrize(("failed", "code"), [(True, ExitCode.FAILED), (False, ExitCode.OK)])
async def test_a_replay_that_has_failed_so_far_is_no_success(
    run: Run, db: Any, eventually: Any, failed: bool, code: int
) -> None:
    """It is being tried again: exit 1 with the last failure; one that merely waits for its turn is exit 0."""
    letter = await put(db, "1")
    async with anyio.create_task_group() as group:
        group.start_soon(_active, eventually, db, letter, "claimed", "Boom" if failed else None)
        found, (outcome,) = await run(inbox.replay, ids=[letter])
    assert (found, outcome["state"], outcome["attempts"]) == (code, "claimed", 3)
    assert outcome["reason"] == ("Boom" if failed else None)


async def _active(eventually: Any, db: Any, letter: int, again: str | None, error: str | None = "Boom") -> None:
    """Do once what an ACTIVE does with the order to replay a row, and with the new row."""
    await eventually(lambda: db.fetchval("SELECT true FROM inbox WHERE dedupe_key = $1", f"order:replay:{letter}"))
    async with db.transaction():
        await db.execute("SELECT lock_fence($1, 1)", KEY)
        if again is None:
            await db.execute(
                "UPDATE inbox SET state = 'dead', last_error = 'UnknownOrder' WHERE dedupe_key = $1",
                f"order:replay:{letter}",
            )
            return
        await db.execute(
            "WITH made AS (INSERT INTO inbox (source, dedupe_key, lane, body)"
            " VALUES ('telegram', $1, 'chat:1', '') RETURNING id)"
            " UPDATE inbox SET state = 'done', last_error = 'replayed as ' || made.id FROM made WHERE inbox.id = $2",
            f"replay:{letter}",
            letter,
        )
        await db.execute(
            "UPDATE inbox SET state = $2, attempts = 3, last_error = CASE WHEN $2 <> 'done' THEN $3 END,"
            " owner_epoch = CASE WHEN $2 = 'claimed' THEN 1 END WHERE dedupe_key = $1",
            f"replay:{letter}",
            again,
            error,
        )


@pytest.mark.parametrize("verb", [inbox.stats, inbox.dead, inbox.replay])
async def test_a_verb_that_looks_makes_no_database(
    run: Run, verb: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a fresh machine there is nothing to look at, and nothing is there afterwards either."""
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(SupervisorError, match="There is no database in"):
        await run(verb, ids=[1])
    assert not (home / "postgres").exists()
