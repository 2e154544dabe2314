"""What the tests of routing share: somebody who wants a picture, and how that is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bot import accounts
from bot.accounts import Balance
from bot.sandbox.testing import until

if TYPE_CHECKING:
    from tests.integration.bot.conftest import House

CHAT = 701
LONG = "a red fox in deep snow, " * 14


@dataclass
class Customer:
    """Somebody who writes to the bot of `house`."""

    house: House

    async def confirm(self, words: str = "a red fox in snow") -> None:
        """Ask for a picture and agree to its price."""
        await self.house.write(words, CHAT)

        async def is_quoted() -> bool:
            messages = await self.house.messages(CHAT)
            return any(words[:20] in message["text"] and "Generate" in message["buttons"] for message in messages)

        # An older quote may still have its button.
        await until(is_quoted, "the quote is there")
        await self.house.press("Generate", CHAT)

    async def ends(self, state: str, words: str = "a red fox in snow") -> None:
        """Ask for a picture, agree, and wait until it ends so."""
        await self.confirm(words)
        await self.house.reaches(state, CHAT)

    async def toast(self, number: int) -> str | None:
        """Return what the newest of so many presses was answered."""

        async def is_answered() -> bool:
            waiting = await self.house.bank.value("SELECT count(*) FROM outbox WHERE state IN ('ready', 'sending')")
            return waiting == 0 and len(await self._answers()) >= number

        await until(is_answered, f"{number} presses are answered")
        text: str | None = (await self._answers())[-1]
        return text

    async def balance(self) -> Balance:
        """Return what the customer has."""
        async with self.house.bank.reading() as connection:
            return await accounts.balance(connection, CHAT)

    async def newest(self, columns: str) -> dict[str, Any]:
        """Return columns of the newest generation and its route."""
        async with self.house.bank.reading() as connection:
            row = await connection.fetchrow(
                f"SELECT {columns} FROM generation LEFT JOIN generation_route ON generation_id = id "  # noqa: S608 - ours
                "ORDER BY id DESC LIMIT 1"
            )
        return dict(row)

    async def hours(self) -> dict[str, dict[str, Any]]:
        """Return what is counted of each model, its zeros and its time left out."""
        async with self.house.bank.reading() as connection:
            rows = await connection.fetch("SELECT * FROM model_hour ORDER BY model_id")
        return {
            row["model_id"]: {
                name: value for name, value in row.items() if value and name not in {"model_id", "hour", "seconds"}
            }
            for row in rows
        }

    async def routes(self) -> dict[tuple[str, str, str], int]:
        """Return how generations came to their models."""
        async with self.house.bank.reading() as connection:
            rows = await connection.fetch("SELECT requested, model_id, reason, generations FROM model_route")
        return {(row["requested"], row["model_id"], row["reason"]): row["generations"] for row in rows}

    async def _answers(self) -> list[str | None]:
        calls = await self.house.sandbox.calls("answerCallbackQuery")
        return [call["parameters"].get("text") for call in calls]


@pytest.fixture
def customer(house: House) -> Customer:
    """Somebody who never wrote before."""
    return Customer(house)
