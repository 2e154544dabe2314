"""An operator looks at the inbox of a running bot, and gives what was given up another try."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import asyncpg
from anyio.from_thread import BlockingPortal

from tests.process.app.conftest import Launch
from tests.process.app.fleet import USER, Sandbox, until
from tests.process.app.test_cli import vigil
from tests.process.app.test_operations import asked, told

WRITTEN: dict[str, Any] = {
    "update_id": 424242,
    "message": {
        "message_id": 1,
        "date": 1_700_000_000,
        "chat": {"id": USER, "type": "private", "first_name": "Ann"},
        "from": {"id": USER, "is_bot": False, "first_name": "Ann", "language_code": "en"},
        "text": "/balance",
        "entities": [{"type": "bot_command", "offset": 0, "length": 8}],
    },
}


def buried(portal: BlockingPortal, url: str, key: str, lane: str, body: bytes) -> int:
    """Put a dead letter there, as any instance may."""

    async def insert() -> int:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            number: int = await connection.fetchval(
                "INSERT INTO inbox (source, dedupe_key, lane, body, state, settled_at, attempts, last_error)"
                " VALUES ('telegram', $1, $2, $3, 'dead', now(), 5, 'KeyError in bot.x:1') RETURNING id",
                key,
                lane,
                body,
            )
        finally:
            await connection.close()
        return number

    return portal.call(insert)


def arrived(portal: BlockingPortal, url: str, key: str, lane: str, body: bytes) -> None:
    """Put an update there, as an instance that accepts it does."""

    async def insert() -> None:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            await connection.execute(
                "INSERT INTO inbox (source, dedupe_key, lane, body) VALUES ('telegram', $1, $2, $3)", key, lane, body
            )
        finally:
            await connection.close()

    portal.call(insert)


def greet(sandbox: Sandbox) -> None:
    """Let the user make the bot's acquaintance: it may write to nobody who has not written first."""
    sandbox.write("/start")
    until(lambda: len(sandbox.messages()) == 1, "the greeting")


def test_a_dead_letter_is_seen_and_replayed_by_the_active(
    home: Path, launch: Launch, sandbox: Sandbox, database_url: str, portal: BlockingPortal
) -> None:
    """Its chat gets the answer it never got; a second replay, or one of what never was an update, is refused."""
    url = {"DATABASE_URL": database_url}
    instance = launch()
    instance.wait_role("ACTIVE")
    greet(sandbox)
    letter = buried(portal, database_url, "424242", f"chat:{USER}", json.dumps(WRITTEN).encode())
    unreadable = buried(portal, database_url, "abc", "op:malformed", b"no update")
    assert told(home, "inbox", "stats", given=url)["dead"] == 2
    listed = told(home, "inbox", "dead", given=url)
    assert [row["id"] for row in listed["dead"]] == [unreadable, letter]
    assert "/balance" not in asked(home, "inbox", "dead", given=url)
    assert "/balance" in asked(home, "inbox", "dead", "--body", given=url)
    assert "no update" in asked(home, "inbox", "replay", str(letter), str(unreadable), code=1, given=url)
    assert told(home, "inbox", "stats", given=url)["dead"] == 2, "a refusal asks for nothing"

    (outcome,) = told(home, "inbox", "replay", str(letter), given=url)
    assert (outcome["id"], outcome["state"]) == (letter, "done")
    until(lambda: len(sandbox.messages()) == 2, "the balance")
    refused = asked(home, "inbox", "replay", str(letter), code=1, given=url)
    assert f"replayed as {outcome['replayed_as']}" in refused
    assert "Try: " in refused
    assert "there is none" in asked(home, "inbox", "replay", "999999", code=1, given=url)
    assert [row["id"] for row in told(home, "inbox", "dead", given=url)["dead"]] == [unreadable]
    until(lambda: "inbox.replayed" in instance.output(), "the replay is in the log")
    children = {child["name"]: child["state"] for child in (instance.status() or {})["children"]}
    assert children["retention"] == "ready"


def test_without_an_active_an_order_waits_for_the_next_one(
    home: Path, launch: Launch, sandbox: Sandbox, database_url: str, portal: BlockingPortal
) -> None:
    """It is durable: whoever leads next follows it."""
    url = {"DATABASE_URL": database_url}
    first = launch("first")
    first.wait_role("ACTIVE")
    greet(sandbox)
    first.signal_term()
    assert first.wait() == 0
    letter = buried(portal, database_url, "424242", f"chat:{USER}", json.dumps(WRITTEN).encode())
    waiting = vigil(home, "inbox", "replay", str(letter), **url)
    assert (waiting.returncode, waiting.stderr) == (1, ""), "it is not done, and nothing went wrong"
    assert "the next instance that is ACTIVE replays it" in waiting.stdout
    launch("second").wait_role("ACTIVE")
    until(lambda: len(sandbox.messages()) == 2, "the balance")
    assert told(home, "inbox", "dead", given=url)["dead"] == []


def test_an_id_that_is_none_is_a_dead_letter_after_one_start_and_a_replay_tells_why(
    home: Path, launch: Launch, sandbox: Sandbox, database_url: str, portal: BlockingPortal
) -> None:
    """No try could help, so none is made; its chat goes on at once, and whoever replays it hears the same reason."""
    url = {"DATABASE_URL": database_url}
    launch().wait_role("ACTIVE")
    broken = {**WRITTEN, "message": {**WRITTEN["message"], "from": {**WRITTEN["message"]["from"], "id": "x"}}}
    arrived(portal, database_url, "424241", f"chat:{USER}", json.dumps(broken).encode())
    greet(sandbox)
    (letter,) = told(home, "inbox", "dead", given=url)["dead"]
    assert letter["attempts"] == 1
    assert "the sender's id is no 64-bit whole number" in letter["reason"]
    again = vigil(home, "inbox", "replay", str(letter["id"]), **url)
    assert again.returncode == 1
    assert "dead again: Unreadable: Reading an update: the sender's id" in again.stdout
