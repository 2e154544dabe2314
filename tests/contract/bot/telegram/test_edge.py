"""The whole edge against the sandbox's Bot API: a person writes, the update is committed, handled and answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from pydantic import HttpUrl, SecretStr
from telegram import Update
from telegram.ext import Application, CallbackQueryHandler, MessageHandler, filters

from bot import turn
from bot.delivery import Outcome, Outgoing
from bot.outbox import Outbox
from bot.poller import Poller
from bot.ports import Connection
from bot.sandbox import testing as sandbox
from bot.settings import BotSettings
from bot.telegram import Reach, Telegram
from bot.till import Till
from bot.updates import Updates
from supervisor.clock import boottime
from supervisor.database import LOST
from supervisor.fence import FencedDatabase
from supervisor.inbox.claims import Claims
from supervisor.inbox.wake import Wake
from supervisor.inbox.worker import Worker
from supervisor.inbox.writer import NotStored, Writer
from supervisor.term import Term
from telemetry import events
from telemetry import testing as telemetry

LOCK_KEY = 17
CHAT = 1001
DEADLINE_SECONDS = 15.0


async def echo(update: Update, _: Any) -> None:
    message, effects = update.effective_message, turn.current().effects
    assert message is not None
    sent = await effects.send_text(CHAT, f"heard {message.text}", [[("Change", f"change:{message.message_id}")]])
    await turn.current().connection.execute(
        "INSERT INTO generated_setting (name, value) VALUES ('sent', $1)", str(sent)
    )


async def change(update: Update, _: Any) -> None:
    assert update.callback_query is not None
    sent = await turn.current().connection.fetchval("SELECT value FROM generated_setting WHERE name = 'sent'")
    await turn.current().effects.answer_callback(CHAT, update.callback_query.id, "Done")
    await turn.current().effects.edit_text(CHAT, int(sent), "changed")


def register(application: Application[Any, Any, Any, Any, Any, Any]) -> None:
    application.add_handlers([CallbackQueryHandler(change), MessageHandler(filters.TEXT, echo)])


async def nothing(_: object) -> None:
    """Remember nothing, have no file."""


async def settled(_: Connection, __: Outgoing, ___: Outcome) -> None:
    """Own no row."""


@dataclass
class Person:
    """Someone who writes to the bot in the sandbox."""

    client: httpx.AsyncClient

    async def write(self, text: str) -> None:
        (await self.client.post(f"/sandbox/chats/{CHAT}/text", json={"text": text})).raise_for_status()

    async def press(self, label: str) -> None:
        (await self.client.post(f"/sandbox/chats/{CHAT}/press", json={"label": label})).raise_for_status()

    async def fault(self, **faults: object) -> None:
        (await self.client.post("/sandbox/faults", json=faults)).raise_for_status()

    async def reads(self, number: int, text: str) -> list[str]:
        """Return the bot's messages once there are so many and the last one says this."""
        found: list[str] = []
        with anyio.move_on_after(DEADLINE_SECONDS):
            while len(found) < number or found[-1] != text:
                answer = await self.client.get(f"/sandbox/chats/{CHAT}/messages")
                found = [message["text"] for message in answer.json()["messages"] if message["from_bot"]]
        return found


@pytest.fixture
async def person(home: Path, pool: Any, database_url: str) -> AsyncIterator[Person]:
    """A bot in polling mode, all children running, and a person in a chat with it."""
    async with pool.acquire() as connection:
        epoch = await connection.fetchval("SELECT lock_claim($1, 'test', 600000, NULL, NULL, 'free')", LOCK_KEY)
    term = Term(epoch, "test", window=3600, sent_at=boottime(), timeline=1)
    database = FencedDatabase(pool, LOCK_KEY, term)
    async with sandbox.running(home) as url, httpx.AsyncClient(base_url=url, timeout=DEADLINE_SECONDS) as client:
        settings = BotSettings(
            telegram_bot_token=SecretStr("7000000001:an-invented-token"),
            kie_api_key=SecretStr("an-invented-key"),
            admin_ids=frozenset({1}),
            telegram_api_url=HttpUrl(url),
        )
        telegram = Telegram(settings, Reach(None, _forgotten, nothing), register)
        writer, queued = Writer(lambda: database_url), Wake()
        children = (
            telegram.serve,
            Outbox(database, term, telegram.bot, queued, _forgotten_file, settled, LOST).serve,
            Worker(database, Claims(epoch), telegram.handle, writer.stored, committed=queued.set).serve,
            Poller(
                Updates(settings),
                writer,
                term,
                not_stored=(NotStored,),
                reconcile=telegram.reconcile,
                answer=partial(Till(database.reading, LOST).call, telegram.bot),
            ).serve,
        )
        async with anyio.create_task_group() as group:
            await group.start(_serve, writer.serve)
            for serve in children:
                await group.start(_serve, serve)
            yield Person(client)
            group.cancel_scope.cancel()


async def _serve(serve: Any, *, task_status: Any) -> None:
    await serve(task_status=task_status)


async def _forgotten() -> str | None:
    return None


async def _forgotten_file(_: int) -> None:
    return None


async def test_a_message_is_answered_and_a_button_changes_the_answer(person: Person) -> None:
    """Polling, inbox, handlers, outbox: the edit changes the very message that was sent."""
    await person.write("a red fox")
    assert await person.reads(1, "heard a red fox") == ["heard a red fox"]
    await person.press("Change")
    assert await person.reads(1, "changed") == ["changed"]


async def test_an_answer_that_was_lost_is_repeated_once_and_counted(person: Person) -> None:
    """The message was sent and only its answer did not come: it arrives twice, and the counter says so."""
    await person.fault(telegram_lose_reply="502*1")
    with telemetry.record() as recorded:
        await person.write("a red fox")
        assert await person.reads(2, "heard a red fox") == ["heard a red fox"] * 2
        await recorded.next(events.MessageSent)
    assert len(recorded.all(events.MessageAmbiguous)) == 1


async def test_flood_control_delays_the_answer_and_repeats_nothing(person: Person) -> None:
    """A second later the same call is made again."""
    await person.fault(telegram_retry_after="1*1")
    with telemetry.record() as recorded:
        await person.write("a red fox")
        assert await person.reads(1, "heard a red fox") == ["heard a red fox"]
        await recorded.next(events.MessageSent)
    assert [event.delay_seconds for event in recorded.all(events.MessageRetried)] == [1.0]
    assert recorded.all(events.MessageAmbiguous) == []
