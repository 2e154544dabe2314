"""Polling: nothing is confirmed before it is committed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from starlette.responses import Response

from bot.poller import Poller
from bot.settings import BotSettings
from bot.updates import Updates
from supervisor.inbox.batch import Outcome
from supervisor.inbox.writer import NotStored, Writer
from supervisor.term import TrustLost
from telemetry import events, testing
from tests.integration.bot.telegram.conftest import DEADLINE_SECONDS, Api, Tenure, hang, ok, until
from tests.integration.children import running


def message(number: int, chat_id: int) -> dict[str, Any]:
    return {"update_id": number, "message": {"message_id": 1, "date": 0, "chat": {"id": chat_id, "type": "private"}}}


def batch(*updates: object) -> Any:
    async def answer(_: dict[str, Any]) -> Response:
        return ok(list(updates))

    return answer


def raw(entries: Sequence[str]) -> Any:
    async def answer(_: dict[str, Any]) -> Response:
        return Response('{"ok":true,"result":[' + ",".join(entries) + "]}", media_type="application/json")

    return answer


@dataclass
class Gated:
    """An inbox that can refuse, before a real one."""

    writer: Writer
    refusing: set[str] = field(default_factory=set)
    gate: anyio.Event | None = None
    offered: list[str] = field(default_factory=list)

    async def put(self, arrival: Any) -> Outcome:
        self.offered.append(arrival.dedupe_key)
        if arrival.dedupe_key in self.refusing:
            self.refusing.discard(arrival.dedupe_key)
            raise NotStored("full")
        if self.gate is not None:
            await self.gate.wait()
        return await self.writer.put(arrival)


@pytest.fixture
async def inbox(database_url: str) -> AsyncIterator[Gated]:
    """A running writer behind a gate."""
    writer = Writer(lambda: database_url)
    async with running(writer.serve):
        yield Gated(writer)


async def nothing(_: bytes = b"") -> None:
    """Reconcile nothing, answer nobody."""


def poller(
    settings: BotSettings,
    inbox: Gated,
    tenure: Tenure,
    *,
    reconcile: Callable[[], Awaitable[object]] = nothing,
    answer: Callable[[bytes], Coroutine[Any, Any, None]] = nothing,
    margin: float = 10.0,
) -> Poller:
    return Poller(
        Updates(settings, long_poll_seconds=1, margin_seconds=margin),
        inbox,
        tenure.term,
        not_stored=(NotStored,),
        reconcile=reconcile,
        answer=answer,
        jitter=lambda: 0.0,
        base_seconds=0.05,
    )


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
    deep, long = "[" * 100_000 + "]" * 100_000, "9" * 5_000
    malformed = [
        '"nonsense"',
        '{"no": "id"}',
        "null",
        "[]",
        '{"update_id": "7"}',
        '{"update_id": 7.0}',
        '{"update_id": true}',
        '{"update_id": -7}',
        '{"update_id": 99999999999999999999}',
        '{"update_id": ' + long + "}",
        '{"update_id": {"a": ' + deep + "}}",
        "{broken}",
    ]
    unusual = ['{"update_id": 2, "message": {"chat": "none"}}', '{"update_id": 3, "new_kind": {"text": "\\ud800"}}']
    sent = [json.dumps(message(1, 1)), *malformed, *unusual, json.dumps(message(20, 1))]
    api.script("getUpdates", raw(sent), hang)
    with testing.record() as recorded:
        async with running(poller(settings, inbox, tenure).serve):
            calls = await api.wait("getUpdates", 2)
    assert calls[1]["offset"] == 21
    rows = await pool.fetch("SELECT state, body FROM inbox")
    assert {bytes(row["body"]) for row in rows if row["state"] == "dead"} == {entry.encode() for entry in malformed}
    assert {bytes(row["body"]) for row in rows} == {entry.encode() for entry in sent}
    assert recorded.all(events.PollStuck) == []
    assert recorded.all(events.PollFailed) == []


async def test_the_same_update_fetched_twice_is_one_row(
    api: Api, settings: BotSettings, inbox: Gated, pool: Any, tenure: Tenure
) -> None:
    """A crash between commit and confirmation fetches it again."""
    api.script("getUpdates", batch(message(1, 1)), batch(message(1, 1)), hang)
    async with running(poller(settings, inbox, tenure).serve):
        await api.wait("getUpdates", 3)
    assert await keys(pool) == ["1"]


async def test_entries_without_a_number_behind_a_confirmed_one_are_passed_by(
    api: Api, settings: BotSettings, inbox: Gated, tenure: Tenure
) -> None:
    """Their numbers follow on the confirmed one, so the next poll begins behind them."""
    api.script("getUpdates", batch(message(7, 1), None, None), batch(None), hang)
    async with running(poller(settings, inbox, tenure).serve):
        calls = await api.wait("getUpdates", 3)
    assert [call.get("offset") for call in calls] == [None, 10, 11]


async def test_a_drain_gives_up_the_waiting_poll_and_confirms_nothing(
    api: Api, settings: BotSettings, inbox: Gated, tenure: Tenure
) -> None:
    """It ends at once; what the poll may yet bring comes again to the successor."""
    api.script("getUpdates", batch(message(1, 1)), hang)
    async with running(poller(settings, inbox, tenure).serve):
        await api.wait("getUpdates", 2)
        began = anyio.current_time()
    assert anyio.current_time() - began < 5
    assert len(api.made("getUpdates")) == 2


async def test_what_is_being_stored_at_a_drain_is_committed(
    api: Api, settings: BotSettings, inbox: Gated, pool: Any, tenure: Tenure
) -> None:
    """It was fetched already; but it is not confirmed any more."""
    inbox.gate = anyio.Event()
    api.script("getUpdates", batch(message(1, 1), message(2, 1)))
    async with anyio.create_task_group() as group:
        await group.start(serving(poller(settings, inbox, tenure)))
        await until(lambda: has(inbox.offered))
        group.cancel_scope.cancel()
        inbox.gate.set()
    assert await keys(pool) == ["1", "2"]
    assert len(api.made("getUpdates")) == 1


async def test_a_drain_does_not_wait_long_for_an_inbox_that_does_not_store(
    api: Api, settings: BotSettings, inbox: Gated, pool: Any, tenure: Tenure
) -> None:
    """What is not committed is not confirmed either."""
    inbox.gate = anyio.Event()
    api.script("getUpdates", batch(message(1, 1)))
    with anyio.fail_after(DEADLINE_SECONDS):
        async with running(poller(settings, inbox, tenure).serve):
            await until(lambda: has(inbox.offered))
    assert await keys(pool) == []


async def test_who_asks_before_a_payment_is_answered_before_the_update_is_stored(
    api: Api, settings: BotSettings, inbox: Gated, pool: Any, tenure: Tenure
) -> None:
    """A slow inbox costs no payment; the update is stored all the same."""
    inbox.gate = anyio.Event()
    asked = {"update_id": 1, "pre_checkout_query": {"id": "4711"}}

    async def answer(body: bytes) -> None:
        assert await keys(pool) == []
        assert json.loads(body) == asked
        assert inbox.gate is not None
        inbox.gate.set()

    api.script("getUpdates", batch(asked), hang)
    async with running(poller(settings, inbox, tenure, answer=answer).serve):
        await api.wait("getUpdates", 2)
    assert await keys(pool) == ["1"]


async def stored(pool: Any, number: int) -> bool:
    return len(await keys(pool)) == number


def serving(child: Poller) -> Any:
    async def serve(*, task_status: Any) -> None:
        await child.serve(task_status=task_status)

    return serve


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
