"""The sandbox delivers to webhooks as Telegram does: again and again with the same update_id, never out of order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.responses import JSONResponse, Response
from telegram import Bot

from bot.sandbox.client import Client, connected
from bot.sandbox.testing import Hook, api, running, until


def emptied(sandbox: Client) -> Callable[[], Awaitable[bool]]:
    """A condition: the bot has confirmed everything."""

    async def is_empty() -> bool:
        return bool((await sandbox.get("/sandbox/state"))["pending"] == 0)

    return is_empty


async def test_an_update_is_posted_once_with_the_secret(bot: Bot, sandbox: Client, hook: Hook) -> None:
    """2xx ends it."""
    await bot.set_webhook(hook.url, secret_token="s3cret")
    await sandbox.write("hello", 1001)
    await hook.wait(1)
    await until(emptied(sandbox), "confirmed")
    assert hook.headers[0]["x-telegram-bot-api-secret-token"] == "s3cret"
    assert hook.headers[0]["content-type"] == "application/json"
    assert [update["message"]["text"] for update in hook.got] == ["hello"]
    assert (await bot.get_webhook_info()).pending_update_count == 0


async def test_an_update_comes_again_with_its_id_until_it_is_taken(bot: Bot, sandbox: Client, hook: Hook) -> None:
    """Whatever the answer was but 2xx."""
    await sandbox.set_faults(telegram_backoff=0.005)
    statuses = iter([503, 500, 404, 302])
    hook.answer = lambda _: Response(status_code=next(statuses, 200))
    await bot.set_webhook(hook.url)
    await sandbox.write("hello", 1001)
    await hook.wait(5)
    await until(emptied(sandbox), "confirmed")
    assert len(set(hook.ids)) == 1
    info = await bot.get_webhook_info()
    assert info.last_error_message == "Wrong response from the webhook: 302 Found"


async def test_a_failing_update_blocks_its_chat_and_no_other(bot: Bot, sandbox: Client, hook: Hook) -> None:
    """Only the head of a chat is in flight."""
    await sandbox.set_faults(telegram_backoff=0.005)
    taken: list[str] = []
    broken = True

    def answer(update: dict[str, Any]) -> Response:
        text = update["message"]["text"]
        if text == "poison" and broken:
            return Response(status_code=500)
        taken.append(text)
        return Response()

    hook.answer = answer
    await bot.set_webhook(hook.url)
    await sandbox.write("poison", 1001)
    await sandbox.write("behind", 1001)
    await hook.wait(3)
    await sandbox.write("other", 1002)
    await until(lambda: _holds(lambda: taken == ["other"]), "the other chat is served")
    assert "behind" not in [update["message"]["text"] for update in hook.got]
    broken = False
    await until(emptied(sandbox), "confirmed")
    assert taken == ["other", "poison", "behind"]


async def test_no_more_than_max_connections_are_in_flight(bot: Bot, sandbox: Client, hook: Hook) -> None:
    """Chats go in parallel up to the limit the bot set."""
    gate, now, most = anyio.Event(), 0, 0

    async def answer(_: dict[str, Any]) -> Response:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await gate.wait()
        now -= 1
        return Response()

    await bot.set_webhook(hook.url)
    await sandbox.write("with the default of 40", 1001)
    await hook.wait(1)
    hook.answer = answer
    await bot.set_webhook(hook.url, max_connections=3)
    for chat_id in range(2001, 2009):
        await sandbox.write("hi", chat_id)
    with pytest.raises(TimeoutError):
        await hook.wait(5, seconds=0.5)
    gate.set()
    await until(emptied(sandbox), "confirmed")
    assert (most, len(hook.got)) == (3, 9)


async def test_retry_after_comes_before_the_own_backoff(bot: Bot, sandbox: Client, hook: Hook) -> None:
    """The first retry would be at once; the webhook asks for longer and gets it."""
    await sandbox.set_faults(telegram_backoff=0.01)
    times: list[float] = []

    def answer(_: dict[str, Any]) -> Response:
        times.append(anyio.current_time())
        return Response(status_code=503, headers={"Retry-After": "50"}) if len(times) == 1 else Response()

    hook.answer = answer
    await bot.set_webhook(hook.url)
    await sandbox.write("hello", 1001)
    await hook.wait(2)
    assert times[1] - times[0] >= 0.5


async def test_updates_without_a_webhook_wait_and_a_new_webhook_gets_them(
    bot: Bot, sandbox: Client, hook: Hook
) -> None:
    """At once, however long the wait for the old address would have been."""
    await sandbox.set_faults(telegram_backoff=10)
    await bot.set_webhook("http://127.0.0.1:9/nobody")
    await sandbox.write("one", 1001)
    await until(lambda: _errors(bot), "the refusal is noted")
    assert (await sandbox.chat(1001))["waiting"] != []
    await bot.set_webhook(hook.url)
    await hook.wait(1, seconds=5)
    await until(emptied(sandbox), "confirmed")


async def test_allowed_updates_are_respected_and_kept_when_omitted(bot: Bot, sandbox: Client, hook: Hook) -> None:
    """A kind that is left out is never queued."""
    await bot.set_webhook(hook.url, allowed_updates=["callback_query"])
    await sandbox.write("not wanted", 1001)
    await bot.set_webhook(hook.url)
    await sandbox.write("still not wanted", 1001)
    await bot.set_webhook(hook.url, allowed_updates=[])
    await sandbox.write("wanted", 1001)
    await hook.wait(1)
    assert [update["message"]["text"] for update in hook.got] == ["wanted"]


async def test_paused_and_doubled_delivery_are_faults(bot: Bot, sandbox: Client, hook: Hook) -> None:
    """Nothing comes while paused; doubled, an update comes twice with one id."""
    await sandbox.set_faults(telegram_pause="on", telegram_duplicate="on")
    await bot.set_webhook(hook.url)
    await sandbox.write("hello", 1001)
    assert hook.got == []
    await sandbox.set_faults(telegram_pause="off")
    await hook.wait(2)
    assert len(set(hook.ids)) == 1


async def test_a_method_in_the_answer_is_executed(bot: Bot, sandbox: Client, hook: Hook) -> None:
    """Telegram's way to answer without a call of one's own."""
    hook.answer = lambda u: JSONResponse(
        {"method": "sendMessage", "chat_id": u["message"]["chat"]["id"], "text": "by the way"}
    )
    await bot.set_webhook(hook.url)
    await sandbox.write("hello", 1001)
    await until(lambda: _says(sandbox, "by the way"), "the answer is shown")


async def test_updates_survive_a_restart_with_their_ids(home: Path, hook: Hook) -> None:
    """What was not taken is delivered by the next run, in order, and no number is given out twice."""
    async with running(home) as address, connected(address) as client:
        await api(client, "setWebhook", url="http://127.0.0.1:9/nobody")
        await client.write("one", 1001)
        await client.write("two", 1001)
    async with running(home) as address, connected(address) as client:
        await api(client, "setWebhook", url=hook.url)
        await client.write("three", 1001)
        await hook.wait(3)
    assert [update["message"]["text"] for update in hook.got] == ["one", "two", "three"]
    assert hook.ids == [hook.ids[0], hook.ids[0] + 1, hook.ids[0] + 2]
    assert [update["message"]["message_id"] for update in hook.got] == [1, 2, 3]


async def test_an_update_is_dropped_after_a_day(home: Path) -> None:
    """Telegram keeps it no longer."""
    now = 1_800_000_000.0
    async with running(home, clock=lambda: now) as address, connected(address) as client:
        await client.write("old", 1001)
        now += 86_401
        await client.write("new", 1001)
        answer = await api(client, "getUpdates")
    assert [update["message"]["text"] for update in answer.json()["result"]] == ["new"]


async def test_drop_pending_updates_forgets_them(bot: Bot, sandbox: Client) -> None:
    """Only when it is asked for."""
    await sandbox.write("hello", 1001)
    await bot.delete_webhook()
    assert len(await bot.get_updates()) == 1
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8081"])
async def test_another_host_name_is_refused(sandbox: Client, host: str) -> None:
    """A web page cannot reach the sandbox through a name of its own that points here."""
    answer = await sandbox.http.get(f"{sandbox.address}/sandbox/state", headers={"Host": host})
    assert answer.status_code == 421


async def _holds(condition: Callable[[], bool]) -> bool:
    return condition()


async def _errors(bot: Bot) -> bool:
    return (await bot.get_webhook_info()).last_error_message == "Connection refused"


async def _says(sandbox: Client, text: str) -> bool:
    return any(message["text"] == text for message in (await sandbox.chat(1001))["messages"])
