"""Limits, Telegram's waits, and who waits for whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest
from telegram import Bot

from bot.backlog import SWEEP_SECONDS
from bot.effects import Effects
from bot.limits import Limits
from bot.sandbox import testing as sandbox
from supervisor.inbox.wake import Wake
from telemetry import events, testing
from tests.integration.bot.telegram.conftest import Api, Begin, Tenure, refused, until
from tests.integration.bot.telegram.test_backlog import fill
from tests.integration.bot.telegram.test_outbox import all_settled, is_sent, outbox, queue, state, telegram
from tests.integration.children import running

__all__ = ["telegram"]
ONE_A_MINUTE = Limits(chat=(1, 60.0))


async def test_a_chat_that_waits_takes_no_call_of_the_others(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """With one call at a time, a chat with many messages leaves it to the rest."""
    first, *waiting = await queue(tenure, *"abcdef")
    others = [(await queue(tenure, "x", chat_id=chat))[0] for chat in range(2, 12)]
    async with running(outbox(tenure, telegram, limits=ONE_A_MINUTE, parallel=1).serve):
        await until(lambda: is_sent(pool, others[-1]))
    assert [(await state(pool, row))["state"] for row in (first, *others)] == ["sent"] * 11
    assert {(await state(pool, row))["state"] for row in waiting} == {"ready"}


async def test_an_answer_to_a_button_does_not_wait_for_the_chats_messages(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """Neither for a limit nor for a wait that Telegram asked for; the messages keep their order."""
    api.script("sendMessage", refused(429, "Too Many Requests: retry after 60", retry_after=60), chat_id=2)
    await queue(tenure, "a", "b")
    await queue(tenure, "c", chat_id=2)
    wake = Wake()
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram, wake=wake, limits=ONE_A_MINUTE).serve):
            await recorded.next(events.MessageRetried)
            async with tenure.database.transaction() as connection:
                answers = [await Effects(connection).answer_callback(chat, f"query {chat}") for chat in (1, 2)]
            wake.set()
            await until(lambda: is_sent(pool, answers[0]))
            await until(lambda: is_sent(pool, answers[1]))
    assert sorted(call["text"] for call in api.made("sendMessage")) == ["a", "c"]


async def test_a_new_term_knows_what_the_last_minute_has_used(api: Api, pool: Any, begin: Begin, telegram: Bot) -> None:
    """A takeover is no reason to be faster than allowed."""
    old = await begin()
    (sent,) = await queue(old, "a")
    async with running(outbox(old, telegram).serve):
        await until(lambda: is_sent(pool, sent))
    new = await begin()
    (second,) = await queue(new, "b")
    (other,) = await queue(new, "c", chat_id=2)
    with testing.record() as recorded:
        async with running(outbox(new, telegram, limits=ONE_A_MINUTE).serve):
            await until(lambda: is_sent(pool, other))
            waited = await recorded.next(events.MessagePaced)
    assert waited.limit == "chat"
    assert 30 < waited.seconds <= 60
    assert (await state(pool, second))["attempts"] == 0


async def test_a_new_term_honours_the_wait_that_telegram_asked_for(
    api: Api, pool: Any, begin: Begin, telegram: Bot
) -> None:
    """It is in the row."""
    old = await begin()
    api.script("sendMessage", refused(429, "Too Many Requests: retry after 60", retry_after=60), chat_id=1)
    (number,) = await queue(old, "a")
    with testing.record() as recorded:
        async with running(outbox(old, telegram).serve):
            await recorded.next(events.MessageRetried)
    new = await begin()
    (other,) = await queue(new, "c", chat_id=2)
    async with running(outbox(new, telegram).serve):
        await until(lambda: is_sent(pool, other))
    row = await state(pool, number)
    assert (row["state"], row["attempts"]) == ("ready", 0)
    assert [call["text"] for call in api.made("sendMessage")] == ["a", "c"]


async def test_several_chats_told_to_wait_at_once_pause_everything(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """It is the bot as a whole that is too fast; a fourth chat is not even tried before the wait is over."""
    for chat in (1, 2, 3):
        api.script("sendMessage", refused(429, "Too Many Requests: retry after 2", retry_after=2), chat_id=chat)
        await queue(tenure, "a", chat_id=chat)
    wake = Wake()
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram, wake=wake).serve):
            pause = (await recorded.next(events.OutboxPaused)).seconds
            began = anyio.current_time()
            (fourth,) = await queue(tenure, "b", chat_id=4)
            wake.set()
            await until(lambda: is_sent(pool, fourth))
            assert anyio.current_time() - began > pause - 0.1
            await until(all_settled(pool))
    assert 1 < pause <= 2
    assert len(api.made("sendMessage")) == 7
    assert len(recorded.all(events.OutboxPaused)) == 1


@pytest.mark.parametrize("most", [1, 5])
async def test_calls_stay_below_the_overall_limit(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot, most: int
) -> None:
    """Chat after chat, never more in one window than allowed; what waited is said."""
    times = []

    async def note(_: dict[str, Any]) -> Any:
        times.append(anyio.current_time())
        return await refused(500, "Internal Server Error")({})

    for chat_id in range(1, 3 * most + 1):
        api.script("sendMessage", note, chat_id=chat_id)
        await queue(tenure, "a", chat_id=chat_id)
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram, limits=Limits(overall=(most, 0.3))).serve):
            await until(all_settled(pool))
    assert all(later - earlier >= 0.3 for earlier, later in zip(times, times[most:], strict=False))
    assert recorded.all(events.MessagePaced)


async def test_what_is_beyond_the_memory_is_sent_as_well(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More chats than are remembered at a time: none waits for the next sweep."""
    monkeypatch.setattr("bot.outbox.LANES", 520)
    await fill(tenure, 700, "n")
    async with tenure.database.transaction() as connection:
        await connection.execute("""UPDATE outbox SET params = '{"text": "a"}'""")
    async with running(outbox(tenure, telegram, limits=Limits(overall=(1000, 1.0))).serve):
        await sandbox.until(all_settled(pool), "every row has ended", SWEEP_SECONDS)
    assert len({call["chat_id"] for call in api.made("sendMessage")}) == 700


class Counting:
    """A database that counts the rows which the outbox reads."""

    def __init__(self, tenure: Tenure) -> None:
        self._database = tenure.database
        self.lost = tenure.database.lost
        self.transaction = tenure.database.transaction
        self.rows = 0

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        async with self._database.reading() as connection:
            yield _Counted(self, connection)


class _Counted:
    def __init__(self, counting: Counting, connection: Any) -> None:
        self._counting = counting
        self._connection = connection
        self.fetchval = connection.fetchval

    async def fetch(self, *arguments: Any) -> Any:
        found = await self._connection.fetch(*arguments)
        self._counting.rows += len(found)
        return found


async def test_with_a_hundred_thousand_rows_waiting_a_message_costs_a_few(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """One chat has 10,000 of them: each lane's name is read until enough are known, then only what is sent."""
    await fill(tenure, 10_000, "999999")
    await fill(tenure, 100_000, "n % 50000 + 1")
    async with tenure.database.transaction() as connection:
        await connection.execute("""UPDATE outbox SET params = '{"text": "a"}'""")
    counting = Counting(tenure)
    sending = replace(outbox(tenure, telegram, limits=Limits(overall=(1000, 1.0))), database=counting)
    async with running(sending.serve):
        await api.wait("sendMessage", 100)
        while counting.rows < 10_000:
            await anyio.lowlevel.checkpoint()
        before, sent = counting.rows, len(api.made("sendMessage"))
        await api.wait("sendMessage", sent + 200)
        read = counting.rows - before
        sent = len(api.made("sendMessage")) - sent
    assert before < 11_500
    assert read <= 3 * sent + 1_000
