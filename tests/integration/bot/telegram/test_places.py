"""Who has places of their own, what takes one before it is sure, and how long somebody waits for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.effects import Effects
from bot.limits import Limits
from bot.outbox import PARALLEL
from supervisor.inbox.wake import Wake
from telemetry import events, testing
from tests.integration.bot.telegram.conftest import DEADLINE_SECONDS, TOKEN, Api, Begin, Tenure, hang, refused, until
from tests.integration.bot.telegram.test_outbox import all_settled, intend, is_sent, outbox, queue, state, telegram
from tests.integration.children import running

__all__ = ["telegram"]
TOLD = refused(429, "Too Many Requests: retry after 30", retry_after=30)


async def pressed(tenure: Tenure, chat: int) -> int:
    """Queue the answer to a button."""
    async with tenure.database.transaction() as connection:
        return await Effects(connection).answer_callback(chat, f"query {chat}")


@pytest.fixture
async def patient(api: Api) -> AsyncIterator[Bot]:
    """The library's Bot on the server; no call of it ends for want of an answer."""
    request = HTTPXRequest(read_timeout=2 * DEADLINE_SECONDS)
    async with Bot(TOKEN, base_url=f"{api.url}/bot", request=request, get_updates_request=request) as bot:
        yield bot


async def test_messages_that_hang_hold_up_no_answer_to_a_button(
    api: Api, pool: Any, tenure: Tenure, patient: Bot
) -> None:
    """As many as there are calls for messages, and as the overall limit lets through; in their chats and in others."""
    api.script("sendMessage", *([hang] * PARALLEL))
    for chat in range(1, PARALLEL + 1):
        await queue(tenure, "a", chat_id=chat)
    wake = Wake()
    limits = Limits(overall=(PARALLEL, 1.0))
    async with running(outbox(tenure, patient, wake=wake, limits=limits, grace=lambda: 0.0).serve):
        await api.wait("sendMessage", PARALLEL)
        answers = [await pressed(tenure, chat) for chat in (1, 99)]
        wake.set()
        await api.wait("answerCallbackQuery", 2)
        assert len(api.made("sendMessage")) == PARALLEL
        await until(lambda: is_sent(pool, answers[0]))
        await until(lambda: is_sent(pool, answers[1]))


async def test_an_intent_of_an_older_term_counts_as_sent_a_moment_ago(
    api: Api, pool: Any, begin: Begin, telegram: Bot
) -> None:
    """It may have been: the repeat waits for the chat's limit like any second message."""
    old = await begin()
    (number,) = await queue(old, "a")
    await intend(old, number)
    limits = Limits(chat=(1, 60.0))
    with testing.record() as recorded:
        async with running(outbox(await begin(), telegram, limits=limits).serve):
            waits = await recorded.next(events.MessagePaced)
    assert (waits.limit, api.made("sendMessage")) == ("chat", [])
    assert 50 < waits.seconds <= 60
    assert (await state(pool, number))["ambiguous"] == 1


async def test_a_pause_of_all_messages_holds_up_no_answer_to_a_button(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """Answers are no messages, and Telegram counts them by themselves."""
    for chat in (1, 2, 3):
        api.script("sendMessage", TOLD, chat_id=chat)
        await queue(tenure, "a", chat_id=chat)
    wake = Wake()
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram, wake=wake).serve):
            pause = (await recorded.next(events.OutboxPaused)).seconds
            (message,) = await queue(tenure, "b", chat_id=4)
            answer = await pressed(tenure, 4)
            wake.set()
            await until(lambda: is_sent(pool, answer))
            assert (await state(pool, message))["state"] == "ready"
    assert 4 < pause <= 5


async def test_after_a_pause_one_call_at_a_time_is_tried_until_one_is_taken(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot, monkeypatch: Any
) -> None:
    """Told to wait again, by each in turn, nobody else is even tried."""
    monkeypatch.setattr("bot.limits.PAUSE_SECONDS", 0.2)
    for chat in range(1, 6):
        api.script("sendMessage", TOLD, chat_id=chat)
    for chat in (1, 2, 3):
        await queue(tenure, "a", chat_id=chat)
    wake = Wake()
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram, wake=wake).serve):
            await recorded.next(events.OutboxPaused)
            for chat in range(4, 12):
                await queue(tenure, "b", chat_id=chat)
            wake.set()
            await until(lambda: _all_but(pool, 5))
    # One for the first three together, and one for each that was tried alone.
    assert len(recorded.all(events.OutboxPaused)) == 3


async def test_a_call_from_before_a_pause_does_not_keep_the_next_one_from_being_tried(
    api: Api, pool: Any, tenure: Tenure, patient: Bot, monkeypatch: Any
) -> None:
    """However long it takes, it shows nothing of what Telegram takes now."""
    monkeypatch.setattr("bot.limits.PAUSE_SECONDS", 0.2)
    api.script("sendMessage", hang, chat_id=9)
    await queue(tenure, "a", chat_id=9)
    wake = Wake()
    with testing.record() as recorded:
        async with running(outbox(tenure, patient, wake=wake, grace=lambda: 0.0).serve):
            await api.wait("sendMessage")
            for chat in (1, 2, 3):
                api.script("sendMessage", TOLD, chat_id=chat)
                await queue(tenure, "a", chat_id=chat)
            wake.set()
            await recorded.next(events.OutboxPaused)
            for chat in range(11, 31):
                await queue(tenure, "b", chat_id=chat)
            wake.set()
            # What is left are the three that were told to wait, and the call that hangs.
            await until(lambda: _all_but(pool, 4))


async def test_a_slow_call_after_a_pause_does_not_keep_the_next_one_from_being_tried(
    api: Api, pool: Any, tenure: Tenure, patient: Bot, monkeypatch: Any
) -> None:
    """Telegram may take minutes for one call: the others do not wait for it that long."""
    monkeypatch.setattr("bot.limits.PAUSE_SECONDS", 0.2)
    monkeypatch.setattr("bot.limits.TRIAL_SECONDS", 0.2)
    for chat in (1, 2, 3):
        api.script("sendMessage", TOLD, chat_id=chat)
        await queue(tenure, "a", chat_id=chat)
    api.script("sendMessage", hang, chat_id=4)
    wake = Wake()
    with testing.record() as recorded:
        async with running(outbox(tenure, patient, wake=wake, grace=lambda: 0.0).serve):
            await recorded.next(events.OutboxPaused)
            for chat in range(4, 24):
                await queue(tenure, "b", chat_id=chat)
            wake.set()
            # What is left are the three that were told to wait, and the call that hangs.
            await until(lambda: _all_but(pool, 4))


async def test_once_a_call_is_taken_after_a_pause_all_go_on_beside_each_other(
    api: Api, pool: Any, tenure: Tenure, patient: Bot, monkeypatch: Any
) -> None:
    """A pause leaves nothing behind."""
    monkeypatch.setattr("bot.limits.PAUSE_SECONDS", 0.2)
    beside: list[int] = []

    async def slow(call: dict[str, Any]) -> Any:
        beside.append(int(call["chat_id"]))
        while len(set(beside)) < 3:
            await anyio.lowlevel.checkpoint()
        return await refused(400, "Bad Request: enough")({})

    for chat in (1, 2, 3):
        api.script("sendMessage", TOLD, chat_id=chat)
        await queue(tenure, "a", chat_id=chat)
    wake = Wake()
    with testing.record() as recorded:
        async with running(outbox(tenure, patient, wake=wake).serve):
            await recorded.next(events.OutboxPaused)
            (taken,) = await queue(tenure, "b", chat_id=4)
            for chat in (5, 6, 7):
                api.script("sendMessage", slow, chat_id=chat)
                await queue(tenure, "b", chat_id=chat)
            wake.set()
            await until(lambda: _all_but(pool, 3))
    assert (await state(pool, taken))["state"] == "sent"
    assert len(beside) == 3


async def _all_but(pool: Any, number: int) -> bool:
    return bool(await pool.fetchval("SELECT count(*) FROM outbox WHERE state IN ('ready', 'sending')") == number)


async def test_a_wait_for_the_overall_limit_is_counted_as_long_as_it_lasted(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """However often something wakes the outbox meanwhile."""
    wake = Wake()
    for chat in range(1, 5):
        await queue(tenure, "a", chat_id=chat)
    began = anyio.current_time()
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram, wake=wake, limits=Limits(overall=(1, 0.4))).serve):
            while not await all_settled(pool)():
                wake.set()
                await anyio.lowlevel.checkpoint()
    lasted = anyio.current_time() - began
    counted = sum(event.seconds for event in recorded.all(events.MessagePaced) if event.limit == "overall")
    assert 0 < counted <= lasted
