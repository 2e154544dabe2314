"""Polling: nothing is confirmed before it is committed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.poller import Poller
from bot.settings import BotSettings
from supervisor.inbox.writer import NotStored, Outcome, Writer
from supervisor.term import TrustLost
from telemetry import events, testing
from tests.integration.bot.telegram.conftest import DEADLINE_SECONDS, Api, Tenure, hang, ok, refused, until
from tests.integration.children import running


def message(number: int, chat_id: int) -> dict[str, Any]:
    return {"update_id": number, "message": {"message_id": 1, "date": 0, "chat": {"id": chat_id, "type": "private"}}}


def batch(*updates: object) -> Any:
    async def answer(_: dict[str, Any]) -> Response:
        return ok(list(updates))

    return answer


async def garbage(_: dict[str, Any]) -> Response:
    return PlainTextResponse("<html>", 200)


async def nonsense(_: dict[str, Any]) -> Response:
    return JSONResponse(["no", "object"], 200)


@dataclass
class Gated:
    """An inbox that can refuse, before a real one."""

    writer: Writer
    refusing: set[str] = field(default_factory=set)
    offered: list[str] = field(default_factory=list)

    async def put(self, arrival: Any) -> Outcome:
        self.offered.append(arrival.dedupe_key)
        if arrival.dedupe_key in self.refusing:
            self.refusing.discard(arrival.dedupe_key)
            raise NotStored("full")
        return await self.writer.put(arrival)


@pytest.fixture
async def inbox(database_url: str) -> AsyncIterator[Gated]:
    """A running writer behind a gate."""
    writer = Writer(lambda: database_url)
    async with running(writer.serve):
        yield Gated(writer)


def poller(settings: BotSettings, inbox: Gated, tenure: Tenure) -> Poller:
    return Poller(settings, inbox, tenure.term, not_stored=(NotStored,), jitter=lambda: 0.0, long_poll_seconds=1)


async def keys(pool: Any) -> Sequence[str]:
    return [row["dedupe_key"] for row in await pool.fetch("SELECT dedupe_key FROM inbox ORDER BY id")]


async def test_a_batch_is_confirmed_after_it_is_committed(
    api: Api, settings: BotSettings, inbox: Gated, pool: Any, tenure: Tenure
) -> None:
    """When the next poll arrives with its offset, another connection sees every row."""
    seen: list[str] = []

    async def look(_: dict[str, Any]) -> Response:
        seen.extend(await keys(pool))
        return await hang({})

    api.script("getUpdates", batch(message(7, 1), message(8, 2), message(9, 1)), look)
    async with running(poller(settings, inbox, tenure).serve):
        first, second = await api.wait("getUpdates", 2)
        await until(lambda: has(seen))
    assert "offset" not in first
    assert first["allowed_updates"][0] == "message"
    assert second["offset"] == 10
    assert sorted(seen) == ["7", "8", "9"]


async def has(seen: list[str]) -> bool:
    return bool(seen)


async def test_what_was_not_stored_is_asked_for_again_in_the_same_order(
    api: Api, settings: BotSettings, inbox: Gated, pool: Any, tenure: Tenure
) -> None:
    """Nothing of the batch is confirmed, and no later update of the chat overtakes the refused one."""
    updates = batch(message(1, 1), message(2, 1), message(3, 1), message(4, 2))
    api.script("getUpdates", updates, updates, hang)
    inbox.refusing.add("2")
    async with running(poller(settings, inbox, tenure).serve):
        calls = await api.wait("getUpdates", 3)
    assert [call.get("offset") for call in calls] == [None, None, 5]
    assert [key for key in await keys(pool) if key != "4"] == ["1", "2", "3"]
    assert inbox.offered.count("3") == 1


async def test_one_malformed_entry_holds_up_nothing(
    api: Api, settings: BotSettings, inbox: Gated, pool: Any, tenure: Tenure
) -> None:
    """It is a dead row; the rest of the batch is stored and confirmed."""
    malformed = [{"update_id": 2, "message": {"chat": "none"}}, "nonsense", {"no": "id"}, None]
    api.script("getUpdates", batch(message(1, 1), *malformed, message(3, 1)), hang)
    async with running(poller(settings, inbox, tenure).serve):
        calls = await api.wait("getUpdates", 2)
    assert calls[1]["offset"] == 4
    states = await pool.fetch("SELECT state, count(*) FROM inbox GROUP BY state ORDER BY state")
    assert [tuple(row) for row in states] == [("dead", 3), ("ready", 3)]


async def test_the_same_update_fetched_twice_is_one_row(
    api: Api, settings: BotSettings, inbox: Gated, pool: Any, tenure: Tenure
) -> None:
    """A crash between commit and confirmation fetches it again."""
    api.script("getUpdates", batch(message(1, 1)), batch(message(1, 1)), hang)
    async with running(poller(settings, inbox, tenure).serve):
        await api.wait("getUpdates", 3)
    assert await keys(pool) == ["1"]


async def test_a_conflict_is_counted_and_waited_out(
    api: Api, settings: BotSettings, inbox: Gated, pool: Any, tenure: Tenure
) -> None:
    """Someone else polls with our token, or a webhook is still set."""
    api.script(
        "getUpdates", refused(409, "Conflict: terminated by other getUpdates request"), batch(message(1, 1)), hang
    )
    with testing.record() as recorded:
        async with running(poller(settings, inbox, tenure).serve):
            await api.wait("getUpdates", 3)
    assert [event.reason for event in recorded.all(events.PollConflict)] == [
        "Conflict: terminated by other getUpdates request"
    ]
    assert await keys(pool) == ["1"]


@pytest.mark.parametrize(
    "trouble", [refused(502, "Bad Gateway"), refused(429, "Too Many Requests", retry_after=0.2), garbage, nonsense]
)
async def test_any_trouble_is_waited_out(
    api: Api, settings: BotSettings, inbox: Gated, tenure: Tenure, trouble: Any
) -> None:
    """The poller neither ends nor skips anything."""
    api.script("getUpdates", trouble, batch(message(1, 1)), hang)
    with testing.record() as recorded:
        async with running(poller(settings, inbox, tenure).serve):
            await api.wait("getUpdates", 3)
    assert inbox.offered == ["1"]
    assert len(recorded.all(events.PollFailed)) == 1


async def test_any_text_is_kept_as_telegram_sent_it(
    api: Api, settings: BotSettings, inbox: Gated, pool: Any, tenure: Tenure
) -> None:
    """NUL and lone surrogates survive the way through JSON."""
    update = message(1, 1)
    update["message"]["text"] = "\0 \ud800 \U0001f98a"

    async def answer(_: dict[str, Any]) -> Response:
        return Response(json.dumps({"ok": True, "result": [update]}), media_type="application/json")

    api.script("getUpdates", answer, hang)
    async with running(poller(settings, inbox, tenure).serve):
        await api.wait("getUpdates", 2)
    assert json.loads(await pool.fetchval("SELECT body FROM inbox")) == update


async def test_a_term_that_is_over_does_not_poll(api: Api, settings: BotSettings, inbox: Gated, tenure: Tenure) -> None:
    """A poll confirms what came before it."""
    tenure.term.end("test")
    with pytest.raises(BaseExceptionGroup) as failed, anyio.fail_after(DEADLINE_SECONDS):
        async with running(poller(settings, inbox, tenure).serve):
            await anyio.sleep_forever()
    assert failed.value.subgroup(TrustLost) is not None
    assert api.made("getUpdates") == []
