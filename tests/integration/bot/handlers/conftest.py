"""What conversation tests share: a person's side of the chat, and updates as Telegram writes them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bot import accounts
from bot.accounts import Balance
from bot.catalogue import load
from bot.sandbox.testing import until
from tests.integration.bot.handlers.walk import Walk

if TYPE_CHECKING:
    from tests.integration.bot.conftest import House

CHAT = 501
GROUP = -100_500
BOT = 7_000_000_001
UPDATES = count(900_000)
MODELS = Path(__file__).parent / "models"


@dataclass
class Talk:
    """A chat with the bot of `house`."""

    house: House

    async def write(self, text: str, *, language: str = "en") -> None:
        """Write, and wait until that is handled."""
        await self.house.write(text, CHAT, language=language)

    async def press(self, label: str) -> None:
        """Press the newest button with this label, and wait until that is handled."""
        await self.house.press(label, CHAT)

    async def said(self, number: int) -> list[dict[str, Any]]:
        """Return what the bot has said, once it is so many messages and every edit is done."""

        async def is_said() -> bool:
            waiting = await self.house.bank.value("SELECT count(*) FROM outbox WHERE state IN ('ready', 'sending')")
            return waiting == 0 and len(await self._of_the_bot()) >= number

        await until(is_said, f"the bot has said {number} things")
        found = await self._of_the_bot()
        assert len(found) == number
        return found

    async def balance(self, user: int = CHAT) -> Balance:
        """Return what a user has."""
        async with self.house.bank.reading() as connection:
            return await accounts.balance(connection, user)

    async def toasts(self, number: int) -> list[str | None]:
        """Return what appeared over the chat, after so many presses."""

        async def are_answered() -> bool:
            return len(await self.house.sandbox.calls("answerCallbackQuery")) >= number

        await until(are_answered, f"{number} presses are answered")
        return [call["parameters"].get("text") for call in await self.house.sandbox.calls("answerCallbackQuery")]

    async def update(self, update: dict[str, Any]) -> list[dict[str, Any]]:
        """Let the bot handle an update and return the calls that it queued."""
        newest = await self.house.bank.value("SELECT coalesce(max(id), 0) FROM outbox")
        await self.house.handle("telegram", json.dumps(update).encode())
        async with self.house.bank.reading() as connection:
            rows = await connection.fetch(
                "SELECT method, chat_id, params FROM outbox WHERE id > $1 ORDER BY id", newest
            )
        return [{"method": row["method"], "chat_id": row["chat_id"], **json.loads(row["params"])} for row in rows]

    def message(self, text: str | None, *, chat: int = CHAT, **more: Any) -> dict[str, Any]:
        """Return the update of a message."""
        kind = "private" if chat > 0 else "supergroup"
        sender = {"id": CHAT, "is_bot": False, "first_name": "Ann <b>", "language_code": "en"}
        body: dict[str, Any] = {"message_id": 5, "date": 1, "chat": {"id": chat, "type": kind, "title": "Group"}}
        body |= {"from": sender, **more}
        if text is not None:
            body["text"] = text
            if text.startswith("/"):
                body["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}]
        return {"update_id": next(UPDATES), "message": body}

    def ours(self, chat: int) -> dict[str, Any]:
        """Return a message of the bot."""
        written: dict[str, Any] = self.message("x", chat=chat)["message"]
        return written | {"from": {"id": BOT, "is_bot": True, "first_name": "Vigil"}}

    def pressed(self, data: str, *, user: int = CHAT, chat: int = CHAT) -> dict[str, Any]:
        """Return the update of a press."""
        sender = {"id": user, "is_bot": False, "first_name": "Ann", "language_code": "en"}
        query = {"id": "77", "from": sender, "chat_instance": "1", "message": self.ours(chat), "data": data}
        return {"update_id": next(UPDATES), "callback_query": query}

    async def username(self) -> str:
        """Return the bot's name."""
        answer = await self.house.sandbox.http.get(f"{self.house.sandbox.address}/bot{BOT}:test/getMe")
        return str(answer.json()["result"]["username"])

    async def _of_the_bot(self) -> list[dict[str, Any]]:
        found = [message for message in await self.house.messages(CHAT) if message["from_bot"]]
        return sorted(found, key=lambda message: int(message["message_id"]))


@pytest.fixture
def mute(house: House) -> Talk:
    """A chat with a bot that is still to be opened."""
    return Talk(house)


@pytest.fixture
async def talk(mute: Talk) -> AsyncIterator[Talk]:
    """A chat with a bot that answers, and makes nothing."""
    async with mute.house.open("telegram", "outbox"):
        yield mute


@pytest.fixture
async def walk(mute: Talk) -> AsyncIterator[Walk]:
    """A person in a chat with a bot that offers the models of these tests; what is queued stays queued."""
    mute.house.catalogue = load(MODELS)
    mute.house.settings |= {"welcome_credits": 300}
    async with mute.house.open("telegram"):
        yield Walk(mute)
