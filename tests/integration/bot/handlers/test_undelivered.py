"""Whoever makes the bot draw, and then cannot be reached, does that a few times a day and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot import accounts
from bot.accounts import Balance
from tests.integration.bot.handlers.test_free import free, quoted

if TYPE_CHECKING:
    from tests.integration.bot.conftest import House
    from tests.integration.bot.handlers.conftest import Talk

CHAT = 501
LOST = """UPDATE generation SET state = 'failed', failure_class = 'undeliverable' WHERE state = 'held'"""
PAST = """UPDATE generation SET state = 'released', settled_at = now() - interval '24 h 1 s' WHERE state = 'failed'"""


async def _lose(talk: Talk, times: int) -> None:
    for _ in range(times):
        _, button = await quoted(talk)
        await talk.update(talk.pressed(button))
        await talk.house.bank.write(LOST)


@pytest.mark.parametrize(("language", "words"), [("en", "could not reach you"), ("ru", "не дошли до вас")])
async def test_after_three_results_that_could_not_be_delivered_a_day_passes(
    mute: Talk, language: str, words: str
) -> None:
    """Said kindly over the chat; the quote stays, and once the day is over its button works."""
    async with free(mute, limit=50):
        await _lose(mute, 2)
        _, third = await quoted(mute)
        await mute.update(mute.pressed(third))
        assert await mute.house.state(CHAT) == "held"
        await mute.house.bank.write(LOST)
        _, button = await quoted(mute)
        await mute.house.bank.write("UPDATE users SET language = $1, chose_language = true", language)
        (answer,) = await mute.update(mute.pressed(button))
        assert words in answer["text"]
        assert await mute.house.state(CHAT) == "quoted"
        await mute.house.bank.write(PAST)
        await mute.update(mute.pressed(button))
        assert await mute.house.state(CHAT) == "held"


async def test_failures_of_others_and_of_other_kinds_are_nobody_s_burden(mute: Talk) -> None:
    """Only this user's, and only what was made and could not be brought."""
    async with free(mute, limit=50):
        await _lose(mute, 3)
        await mute.house.bank.write("UPDATE generation SET failure_class = 'transient' WHERE id % 2 = 0")
        _, button = await quoted(mute)
        await mute.update(mute.pressed(button))
        assert await mute.house.state(CHAT) == "held"


async def test_a_user_who_blocks_the_bot_costs_the_operator_three_tasks_at_most(house: House) -> None:
    """The whole way, with credits: nothing is charged that did not arrive, and it does not go on for ever."""
    await house.sandbox.set_faults(telegram_blocked="on", telegram_only="sendPhoto")
    async with house.open():
        for _ in range(3):
            await house.write("a cat", CHAT)
            await house.press("Generate", CHAT)
            await house.reaches("released", CHAT)
        await house.write("a cat", CHAT)
        await house.press("Generate", CHAT)
        assert await house.state(CHAT) == "quoted"
    assert len(await house.sandbox.tasks()) == 3
    async with house.bank.reading() as connection:
        assert await accounts.balance(connection, CHAT) == Balance(20_000, 0)
