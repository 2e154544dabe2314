"""Models that cost nothing, a few times a day."""

from __future__ import annotations

import json
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from bot.accounts import Balance
from bot.codes import code
from bot.generation import store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.bot.handlers.conftest import Talk

CHAT = 501
TAKEN = "SELECT count(*) FROM generation WHERE state = 'held' AND price = 0"


@asynccontextmanager
async def free(talk: Talk, limit: int = 5, budget: int = 500, **more: Any) -> AsyncIterator[None]:
    """Run a bot whose plain-text model costs nothing."""
    talk.house.settings |= {"free_models": "z-image", "free_daily_limit": limit, "free_daily_budget": budget, **more}
    async with talk.house.open("telegram", "outbox"):
        yield


async def quoted(talk: Talk) -> tuple[str, str]:
    """Ask for a picture; return what the quote says, and its button."""
    (call,) = await talk.update(talk.message("a fox"))
    (button,) = (
        each["callback_data"]
        for row in call["reply_markup"]["inline_keyboard"]
        for each in row
        if each["text"] == "Generate"
    )
    return call["text"], button


async def test_a_free_quote_says_so_and_costs_nothing(mute: Talk) -> None:
    """No credits are held, and there is one less today."""
    async with free(mute):
        text, button = await quoted(mute)
        assert "free (5 left today)" in text
        await mute.update(mute.pressed(button))
        assert (await quoted(mute))[0].count("free (4 left today)") == 1
    assert await mute.balance() == Balance(20_000, 0)
    assert await mute.house.bank.value(TAKEN) == 1


async def test_at_the_end_of_the_limit_the_normal_price_is_quoted(mute: Talk) -> None:
    """And a quote that was free when it was shown asks anew before it takes any credits."""
    async with free(mute, limit=1, active_tasks_per_user=9):
        _, first = await quoted(mute)
        _, second = await quoted(mute)
        await mute.update(mute.pressed(first))
        assert "0.8 credits" in (await quoted(mute))[0]
        calls = await mute.update(mute.pressed(second))
        assert "The price has changed" in calls[-1]["text"]
        assert "0.8 credits" in calls[0]["text"]
        assert await mute.balance() == Balance(20_000, 0)
        again = next(
            each["callback_data"]
            for row in calls[0]["reply_markup"]["inline_keyboard"]
            for each in row
            if each["text"] == "Generate"
        )
        await mute.update(mute.pressed(again))
    assert await mute.balance() == Balance(19_200, 800)


async def test_what_failed_does_not_count_and_neither_does_yesterday(mute: Talk) -> None:
    """The day begins at midnight in UTC."""
    async with free(mute, limit=1):
        for after in (
            "UPDATE generation SET state = 'failed' WHERE state = 'held'",
            "UPDATE free_generation SET day = day - 1",
        ):
            text, button = await quoted(mute)
            assert "free (1 left today)" in text
            await mute.update(mute.pressed(button))
            assert "0.8 credits" in (await quoted(mute))[0]
            await mute.house.bank.write(after)
            await mute.house.bank.write("UPDATE generation SET state = 'failed' WHERE state = 'held'")
        assert "free (1 left today)" in (await quoted(mute))[0]


async def test_what_was_made_and_could_not_be_delivered_counts(mute: Talk) -> None:
    """It has cost the operator as much as any other: who blocks the bot in between gets no more than the limit."""
    async with free(mute, limit=1):
        _, button = await quoted(mute)
        await mute.update(mute.pressed(button))
        await mute.house.bank.write("UPDATE generation SET state = 'failed', failure_class = 'undeliverable'")
        assert "0.8 credits" in (await quoted(mute))[0]
        await mute.house.bank.write(
            "UPDATE generation SET state = 'released', settled_at = now() WHERE state = 'failed'"
        )
        assert "0.8 credits" in (await quoted(mute))[0]


def buttons(calls: list[dict[str, Any]]) -> dict[str, str]:
    """Return the buttons of the message that a press left, by label."""
    rows = calls[0]["reply_markup"]["inline_keyboard"]
    return {each["text"]: each["callback_data"] for row in rows for each in row}


async def poster(talk: Talk) -> dict[str, str]:
    """Come to the question that makes a free poster a dearer one; return its buttons."""
    await quoted(talk)
    await talk.house.bank.write(
        "UPDATE generation SET model_id = $1, inputs = $2",
        "ideogram/v3-text-to-image",
        store.dump({"prompt": "a fox", "rendering_speed": "TURBO", "style": "AUTO", "image_size": "square_hd"}),
    )
    number = await talk.house.bank.value("SELECT id FROM generation")
    return buttons(await talk.update(talk.pressed(f"1:ask:{number}:{code('rendering_speed')}")))


async def test_only_the_lowest_price_of_a_model_is_free(mute: Talk) -> None:
    """A dearer choice costs its normal price; the words and the buttons say which is free, and back there it is."""
    async with free(mute, free_models="z-image,ideogram/v3-text-to-image"):
        speeds = await poster(mute)
        turbo, _, quality = choices = list(speeds)[:3]
        assert [label.rpartition(" · ")[2] for label in choices] == ["free", "7", "10"]
        calls = await mute.update(mute.pressed(speeds[quality]))
        assert "10 credits (the cheapest settings are free today)" in calls[0]["text"]
        calls = await mute.update(mute.pressed(speeds[turbo]))
        assert "free (5 left today)" in calls[0]["text"]
        await mute.update(mute.pressed(buttons(calls)["Generate"]))
    assert await mute.house.bank.value(TAKEN) == 1
    assert await mute.balance() == Balance(20_000, 0)


async def test_a_dearer_choice_is_paid_for_and_takes_nothing_from_what_is_free(mute: Talk) -> None:
    """Whatever a button of an older quote says."""
    async with free(mute, free_models="z-image,ideogram/v3-text-to-image"):
        speeds = await poster(mute)
        calls = await mute.update(mute.pressed(next(data for label, data in speeds.items() if label.endswith("10"))))
        paid = buttons(calls)["Generate"]
        calls = await mute.update(mute.pressed(f"{paid.rpartition(':')[0]}:0"))
        assert "The price has changed" in calls[-1]["text"]
        assert await mute.balance() == Balance(20_000, 0)
        await mute.update(mute.pressed(paid))
    assert await mute.balance() == Balance(10_000, 10_000)
    assert await mute.house.bank.value("SELECT count(*) FROM free_generation") == 0


@pytest.mark.parametrize(("limit", "budget"), [(0, 500), (5, 0)])
async def test_a_limit_of_zero_means_that_nothing_is_free(mute: Talk, limit: int, budget: int) -> None:
    """Either of the two."""
    async with free(mute, limit=limit, budget=budget):
        assert "0.8 credits" in (await quoted(mute))[0]


@pytest.mark.parametrize("seed", range(6))
async def test_whoever_confirms_at_once_no_more_than_the_limits_are_given_away(mute: Talk, seed: int) -> None:
    """Many quotes of several users, all confirmed at the same time: each user's limit and the budget of all hold."""
    luck = random.Random(seed)
    users, limit, budget = luck.randint(1, 4), luck.randint(1, 3), luck.randint(1, 6)
    async with free(mute, limit=limit, budget=budget, active_tasks_per_user=100, welcome_credits=0):
        presses = []
        for user in range(1000, 1000 + users):
            for _ in range(luck.randint(1, 5)):
                update = mute.message("a fox")
                update["message"]["from"]["id"] = update["message"]["chat"]["id"] = user
                await mute.update(update)
                number = await mute.house.bank.value("SELECT max(id) FROM generation")
                presses.append(mute.pressed(f"1:go:{number}:0", user=user, chat=user))
        luck.shuffle(presses)
        async with anyio.create_task_group() as group:
            for press in presses:
                group.start_soon(mute.house.handle, "telegram", json.dumps(press).encode())
    asked = [
        sum(press["callback_query"]["from"]["id"] == user for press in presses) for user in range(1000, 1000 + users)
    ]
    assert await mute.house.bank.value(TAKEN) == min(budget, sum(min(limit, own) for own in asked))
    most = "SELECT max(taken) FROM (SELECT count(*) AS taken FROM free_generation GROUP BY user_id) AS each"
    assert await mute.house.bank.value(most) <= limit


async def test_a_free_result_is_told_as_free(mute: Talk) -> None:
    """It is charged with nothing, and the card names the limit."""
    mute.house.settings |= {"free_models": "z-image"}
    async with mute.house.open():
        await mute.write("a fox")
        await mute.press("Generate")
        await mute.house.reaches("charged", CHAT)
        first, _ = await mute.said(2)
    assert "Done, this one was free. You have 20 credits." in first["text"]
    assert await mute.house.bank.value("SELECT cost > 0 AND price = 0 AND hold_id IS NULL FROM generation")
