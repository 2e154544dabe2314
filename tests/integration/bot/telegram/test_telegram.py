"""The bot's connection to Telegram: start, webhook, and updates into handlers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from telegram import Update
from telegram.ext import Application, CommandHandler, MessageHandler, filters

from bot import turn
from bot.errors import InvalidSetup, Unreadable
from bot.settings import BotSettings
from bot.telegram import Reach, Telegram
from bot.webhook import Webhook
from telemetry import events, testing
from tests.integration.bot.telegram.conftest import DEADLINE_SECONDS, Api, Tenure, refused
from tests.integration.children import running

WANTED = Webhook("https://bot.example/webhook/random-path", "header-secret")

NO_DATABASE: Any = None


@dataclass
class Memory:
    """What all instances share: the fingerprint of the secret that was set last."""

    fingerprint: str | None = None
    reads: list[str | None] = field(default_factory=list)

    async def remembered(self) -> str | None:
        self.reads.append(self.fingerprint)
        return self.fingerprint

    async def remember(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint

    def reach(self, webhook: Webhook | None) -> Reach:
        return Reach(webhook, self.remembered, self.remember)


@dataclass(frozen=True)
class Delivered:
    """An inbox row as the bot sees it."""

    body: bytes


def update(text: str, number: int = 1) -> Delivered:
    message = {
        "message_id": 1,
        "date": 0,
        "chat": {"id": 5, "type": "private"},
        "from": {"id": 5, "is_bot": False, "first_name": "A"},
        "text": text,
    }
    if text.startswith("/"):
        message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text)}]
    return Delivered(json.dumps({"update_id": number, "message": message}).encode())


async def answer(update: Update, _: Any) -> None:
    assert update.effective_message is not None
    await turn.current().effects.send_text(5, f"You said {update.effective_message.text}")


async def fail(_: Update, __: Any) -> None:
    await turn.current().effects.send_text(5, "Never to be seen")
    raise ZeroDivisionError


def register(application: Application[Any, Any, Any, Any, Any, Any]) -> None:
    application.add_handler(CommandHandler("fail", fail))
    application.add_handler(MessageHandler(filters.TEXT, answer))


def client(settings: BotSettings, memory: Memory, webhook: Webhook | None = WANTED, **options: Any) -> Telegram:
    return Telegram(settings, memory.reach(webhook), register, jitter=lambda: 0.0, **options)


@asynccontextmanager
async def reconciled(telegram: Telegram) -> AsyncIterator[None]:
    async with running(telegram.serve):
        yield


async def test_the_webhook_is_set_once_and_then_left_alone(api: Api, settings: BotSettings) -> None:
    """With every parameter spelled out; a second term finds nothing to do."""
    memory = Memory()
    async with reconciled(client(settings, memory)):
        (call,) = await api.wait("setWebhook")
    assert call["url"] == WANTED.url
    assert call["secret_token"] == WANTED.secret
    assert call["allowed_updates"] == list(WANTED.allowed_updates)
    assert int(call["max_connections"]) == WANTED.max_connections
    assert "drop_pending_updates" not in call
    assert memory.fingerprint == WANTED.fingerprint
    api.webhook |= {
        "url": WANTED.url,
        "max_connections": WANTED.max_connections,
        "allowed_updates": list(WANTED.allowed_updates),
    }
    reads = len(memory.reads)
    async with reconciled(client(settings, memory)):
        await api.wait("getWebhookInfo", 2)
    assert len(memory.reads) > reads
    assert len(api.made("setWebhook")) == 1
    assert api.made("deleteWebhook") == []


async def test_a_secret_that_changed_is_set_though_telegram_cannot_tell(api: Api, settings: BotSettings) -> None:
    """The fingerprint of the last one is what tells it."""
    api.webhook |= {
        "url": WANTED.url,
        "max_connections": WANTED.max_connections,
        "allowed_updates": list(WANTED.allowed_updates),
    }
    with testing.record() as recorded:
        async with reconciled(client(settings, Memory("of another secret"))):
            await api.wait("setWebhook")
            reconciliation = await recorded.next(events.WebhookReconciled)
    assert reconciliation.differences == ("secret",)


async def test_polling_deletes_a_webhook_and_drops_nothing(api: Api, settings: BotSettings) -> None:
    """Polling would be refused with it; the updates that wait are ours."""
    api.webhook["url"] = "https://elsewhere.example"
    async with reconciled(client(settings, Memory(), None)):
        (call,) = await api.wait("deleteWebhook")
    assert call.get("drop_pending_updates") in {None, "false", False}


async def test_the_commands_are_set_for_each_language(api: Api, settings: BotSettings) -> None:
    """Telegram shows them in the user's own language."""
    commands = {None: [("start", "Begin")], "ru": [("start", "Начать")]}
    async with reconciled(client(settings, Memory(), commands=commands)):
        calls = await api.wait("setMyCommands", 2)
    assert [call.get("language_code") for call in calls] == [None, "ru"]
    assert calls[1]["commands"] == [{"command": "start", "description": "Начать"}]


async def test_telegram_being_away_delays_the_start_and_no_more(api: Api, settings: BotSettings) -> None:
    """A blip at the start must not cost a restart of the child."""
    api.script("getMe", refused(502, "Bad Gateway"), refused(429, "Too Many Requests", retry_after=1))
    with testing.record() as recorded:
        async with running(client(settings, Memory()).serve):
            await api.wait("setWebhook")
    waits = recorded.all(events.TelegramUnavailable)
    assert [wait.call for wait in waits] == ["getMe", "getMe"]
    assert waits[1].retry_seconds >= 1


async def test_a_webhook_that_cannot_be_set_holds_up_nobody_and_is_tried_again(api: Api, settings: BotSettings) -> None:
    """Updates that have arrived are handled; the webhook follows when Telegram takes it."""
    api.script("setWebhook", refused(400, "Bad Request: bad webhook: failed to resolve host"))
    async with running(client(settings, Memory()).serve):
        await api.wait("setWebhook", 2)


async def test_a_refused_token_is_fatal_and_not_repeated_in_the_message(api: Api, settings: BotSettings) -> None:
    """Starting again cannot help; the library's own message would tell the token."""
    api.script("getMe", refused(401, "Unauthorized"))
    with pytest.raises(BaseExceptionGroup) as failed, anyio.fail_after(DEADLINE_SECONDS):
        async with running(client(settings, Memory()).serve):
            await anyio.sleep_forever()
    invalid = failed.value
    while isinstance(invalid, BaseExceptionGroup):
        invalid = invalid.exceptions[0]
    assert isinstance(invalid, InvalidSetup)
    assert settings.telegram_bot_token.get_secret_value() not in f"{invalid} {invalid.hint} {invalid.__cause__}"


async def test_a_handler_works_in_the_turn_of_its_update(
    api: Api, settings: BotSettings, pool: Any, tenure: Tenure
) -> None:
    """What it queues is in the transaction that it was given."""
    telegram = client(settings, Memory())
    async with running(telegram.serve), tenure.database.transaction() as connection:
        await telegram.handle(update("hello"), connection)
        assert await pool.fetchval("SELECT count(*) FROM outbox") == 0
    assert json.loads(await pool.fetchval("SELECT params::text FROM outbox"))["text"] == "You said hello"


async def test_what_a_handler_raises_is_raised_and_no_other_handler_runs(
    api: Api, settings: BotSettings, pool: Any, tenure: Tenure
) -> None:
    """The library only logs failures: here they roll the transaction back."""
    followed: list[int] = []

    async def follow(update: Update, _: Any) -> None:
        followed.append(update.update_id)

    telegram = client(settings, Memory())
    telegram.application.add_handler(MessageHandler(filters.TEXT, follow), group=1)
    async with running(telegram.serve):
        with pytest.raises(ZeroDivisionError):
            async with tenure.database.transaction() as connection:
                await telegram.handle(update("/fail", 404), connection)
        async with tenure.database.transaction() as connection:
            await telegram.handle(update("hello", 200), connection)
            await connection.execute("DELETE FROM outbox")
    assert followed == [200]
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0


@pytest.mark.parametrize(
    "body",
    [
        {"update_id": 1},
        {"update_id": 1, "something_new": {"id": 1}},
        {"update_id": 1, "message": {"message_id": 1, "date": 0, "chat": {"id": 5, "type": "private"}}},
        {"update_id": 1, "my_chat_member": None},
    ],
)
async def test_an_update_that_no_handler_wants_is_done(api: Api, settings: BotSettings, body: dict[str, Any]) -> None:
    """Telegram adds kinds of updates; none of them is a failure, and none needs the database."""
    telegram = client(settings, Memory())
    async with running(telegram.serve):
        await telegram.handle(Delivered(json.dumps(body).encode()), NO_DATABASE)


@pytest.mark.parametrize(
    "body",
    [
        b'{"update_id": 1, "message": {"text": "secret words"}}',
        b'{"update_id": 1, "message": "text"}',
        b'{"update_id": 1, "message": {"message_id": 1, "date": 1e99, "chat": {"id": 5, "type": "private"}}}',
        b'{"update_id": 1, "callback_query": []}',
        b"[]",
        b"{",
    ],
)
async def test_an_update_that_cannot_be_read_is_hopeless(api: Api, settings: BotSettings, body: bytes) -> None:
    """Whatever the library's parser raises; and its words are not repeated."""
    telegram = client(settings, Memory())
    async with running(telegram.serve):
        with pytest.raises(Unreadable) as unreadable:
            await telegram.handle(Delivered(body), NO_DATABASE)
    assert "secret words" not in str(unreadable.value)


def message(**changed: Any) -> dict[str, Any]:
    """Return the update of a message, with these fields changed."""
    found: dict[str, Any] = json.loads(update("secret words").body)
    found["message"] |= changed
    return found


def query(**changed: Any) -> dict[str, Any]:
    """Return the update of a press under an inline message, with these fields changed."""
    asked = {"id": "1", "from": {"id": 5, "is_bot": False, "first_name": "A"}, "chat_instance": "1", "data": "x"}
    return {"update_id": 1, "callback_query": asked | changed}


NO_IDS: tuple[object, ...] = ("x", "5", True, 5.0, [], 10**29, -(2**63))


async def test_an_id_that_is_none_makes_an_update_unreadable(api: Api, settings: BotSettings) -> None:
    """The library takes anything for an id; the database would refuse it at each of five starts."""
    telegram = client(settings, Memory())
    async with running(telegram.serve):
        for wrong in NO_IDS:
            sender, chat = {"id": wrong, "is_bot": False, "first_name": "A"}, {"id": wrong, "type": "private"}
            for body, named in (
                (message(**{"from": sender}), "the sender's id"),
                (message(chat=chat), "the chat's id"),
                (message(text=None, migrate_to_chat_id=wrong), "the group's other chat"),
                (message(text=None, migrate_from_chat_id=wrong), "the group's other chat"),
                (query(**{"from": sender}), "the sender's id"),
            ):
                with pytest.raises(Unreadable, match=named) as unreadable:
                    await telegram.handle(Delivered(json.dumps(body).encode()), NO_DATABASE)
                assert "secret words" not in str(unreadable.value)


async def test_while_the_client_is_started_again_updates_wait(
    api: Api, settings: BotSettings, pool: Any, tenure: Tenure
) -> None:
    """A restart of this child must not cost an update one of its starts."""
    telegram = client(settings, Memory())
    async with running(telegram.serve):
        pass
    async with anyio.create_task_group() as group:

        async def handle() -> None:
            async with tenure.database.transaction() as connection:
                await telegram.handle(update("hello"), connection)
            group.cancel_scope.cancel()

        group.start_soon(handle)
        for _ in range(10):
            await pool.fetchval("SELECT 1")
        async with running(telegram.serve):
            await anyio.sleep_forever()
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 1
