"""What comes after the credits went back: found, given away, counted, and never charged (M8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot import accounts
from bot.accounts import Balance
from bot.sandbox.testing import until
from telemetry import events, testing
from tests.integration.bot.generation.orders import LATE_DUE, finish, looked

if TYPE_CHECKING:
    from tests.integration.bot.conftest import House

CHAT = 601
FULL = Balance(20_000, 0)
OVERDUE = "UPDATE generation SET next_step_at = now(), deadline_at = now() WHERE state = $1"


async def _balance(house: House) -> Balance:
    async with house.bank.reading() as connection:
        return await accounts.balance(connection, CHAT)


async def _late(house: House, state: str) -> None:
    async def is_there() -> bool:
        return bool(await house.bank.value("SELECT state = $1 FROM generation_late", state))

    await until(is_there, f"the late result is {state}")


async def _pictures(house: House) -> list[dict[str, Any]]:
    return [message for message in await house.messages(CHAT) if message["kind"] in {"photo", "document"}]


async def _confirm(house: House) -> None:
    await house.write("a red fox in snow", CHAT)
    await house.press("Generate", CHAT)


async def _time_out(house: House, **faults: str) -> None:
    """Have a generation given up whose task is not done."""
    await house.sandbox.set_faults(provider_stuck="on", provider_no_callback="on", **faults)
    await _confirm(house)
    await house.reaches("submitted", CHAT)
    await house.bank.write(OVERDUE, "submitted")
    await house.reaches("released", CHAT)
    await _late(house, "awaited")


async def test_a_task_that_succeeds_after_its_deadline_is_a_gift(house: House) -> None:
    """Looked for, delivered with a word about it, its cost noted; the hold stays released and the balance full."""
    with testing.record() as recorded:
        async with house.open():
            await _time_out(house)
            await house.bank.write(LATE_DUE)
            await finish(house)
            await looked(house, "delivered")
    (picture,) = await _pictures(house)
    assert "your credits came back" in picture["text"]
    assert await house.state(CHAT) == "released"
    assert await _balance(house) == FULL
    assert await house.bank.value("SELECT cost FROM generation") == 4_000
    assert await house.bank.value("SELECT count(*) FROM ledger_transaction WHERE kind = 'charge'") == 0
    assert [event.outcome for event in recorded.all(events.GenerationLate)] == ["delivered"]
    assert list((house.home / "results").iterdir()) == []


async def test_a_callback_finds_what_nobody_knew_after_the_release(house: House) -> None:
    """The order's answer never came and the credits went back: the callback names the task, and its result is a gift."""
    await house.sandbox.set_faults(provider_lose_reply=0, provider_no_callback="on")
    async with house.open():
        await _confirm(house)
        await house.reaches("unknown", CHAT)
        await house.bank.write(OVERDUE, "unknown")
        await house.reaches("released", CHAT)
        await _late(house, "awaited")
        (task,) = await house.sandbox.tasks()
        url = task["callback_url"]
        house.hears_callbacks = True
        for _ in range(3):
            answer = await house.sandbox.http.post(url, json={"code": 200, "data": {"task_id": task["id"]}})
            assert answer.status_code == 200
        await _late(house, "delivered")
    assert len(await _pictures(house)) == 1
    assert len(await house.sandbox.tasks()) == 1
    assert await _balance(house) == FULL


async def test_a_late_success_survives_the_death_of_the_process(house: House) -> None:
    """The next term finds the row, looks, and delivers."""
    async with house.open():
        await _time_out(house)
    await finish(house)
    async with house.open("generations"):
        await looked(house, "sent")
    await house.bank.begin()
    async with house.open():
        await _late(house, "delivered")
    assert len(await _pictures(house)) == 1
    assert await _balance(house) == FULL


@pytest.mark.parametrize(
    ("begun", "faults", "outcome"),
    [
        ({}, {"provider_poll_refuse": 422}, "nothing"),
        ({}, {"telegram_blocked": "on", "telegram_only": "sendPhoto"}, "undeliverable"),
        ({"provider_dead_url": "on"}, {}, "nothing"),
    ],
    ids=["the provider does not say", "the user is gone", "the address is dead"],
)
async def test_nobody_looks_for_ever_and_the_user_is_left_alone(
    house: House, begun: dict[str, Any], faults: dict[str, Any], outcome: str
) -> None:
    """After a day, or when it cannot be brought, it ends without a word; the credits have gone back long ago."""
    with testing.record() as recorded:
        async with house.open(luck=0.0):
            await _time_out(house, **begun)
            said = len(await house.messages(CHAT))
            await finish(house, **faults)
            if outcome == "nothing":
                # One look brings nothing; then the day is over.
                await house.bank.write(LATE_DUE)
                await until(lambda: _haslooked(house), "it was looked for once")
                await house.bank.write("UPDATE generation_late SET until = now(), next_look_at = now()")
            await looked(house, "ended")
    assert len(await house.messages(CHAT)) == said
    assert await house.state(CHAT) == "released"
    assert await _balance(house) == FULL
    assert [event.outcome for event in recorded.all(events.GenerationLate)] == [outcome]


async def _haslooked(house: House) -> bool:
    return bool(await house.bank.value("SELECT next_look_at > now() FROM generation_late"))


async def test_what_never_reached_the_provider_is_not_looked_for(house: House) -> None:
    """A turn that did not come, or a refusal: nothing can follow."""
    async with house.open("telegram", "outbox"):
        await _confirm(house)
    await house.bank.write(OVERDUE, "held")
    async with house.open():
        await house.reaches("released", CHAT)
    assert await house.bank.value("SELECT count(*) FROM generation_late") == 0
