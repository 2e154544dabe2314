"""What nobody foresaw: every state is left all the same, by its deadline at the latest, and the credits with it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from bot import accounts
from bot.accounts import Balance
from bot.catalogue import load
from bot.catalogue.price import Table
from bot.generation import progress
from bot.providers.base import Order, Progress, Succeeded
from bot.providers.market import Market
from bot.sandbox.testing import until
from bot.sql import sql
from telemetry import events, testing
from tests.integration.bot.generation.orders import GIFT, order

if TYPE_CHECKING:
    from tests.integration.bot.conftest import House

CHAT = 611
FULL = Balance(GIFT + 20_000, 0)
PAID = Balance(GIFT + 19_200, 0)
UNREADABLE = "UPDATE generation SET inputs = '[]' WHERE id = $1"
OVERDUE = """UPDATE generation SET deadline_at = now() - interval '1 s',
                    next_step_at = CASE next_step_at WHEN 'infinity' THEN next_step_at ELSE now() END WHERE id = $1"""
STEP = "UPDATE generation SET state = $2, task_id = CASE WHEN $2 <> 'submitting' THEN 't' END WHERE id = $1"
WAYS: dict[str, tuple[str, ...]] = {
    "held": (),
    "submitting": ("submitting",),
    "submitted": ("submitting", "submitted"),
    "unknown": ("submitting", "unknown"),
    "failed": ("failed",),
    "delivered": ("submitting", "submitted", "succeeded", "delivered"),
}


async def _balance(house: House) -> Balance:
    async with house.bank.reading() as connection:
        return await accounts.balance(connection, CHAT)


async def _confirmed(house: House) -> int:
    """Return a generation that waits for its turn."""
    async with house.open("telegram", "outbox"):
        await house.write("/start", CHAT)
        made = await order(house, CHAT, "z-image", prompt="a fox", aspect_ratio="1:1")
        await _is(house, "SELECT NOT EXISTS (SELECT FROM outbox WHERE state IN ('ready', 'sending'))")
    return made


async def _is(house: House, query: str, *args: object) -> None:
    async def is_so() -> bool:
        return bool(await house.bank.value(query, *args))

    await until(is_so, query)


async def _told(house: House, words: str) -> None:
    async def is_told() -> bool:
        return any(words in message["text"] for message in await house.messages(CHAT))

    await until(is_told, f"a message says {words!r}")


@pytest.mark.parametrize("state", WAYS)
async def test_a_generation_that_cannot_be_read_ends_at_its_deadline(house: House, state: str) -> None:
    """The hold is resolved and the user told, whatever the state; what was delivered is charged."""
    made = await _confirmed(house)
    for each in WAYS[state]:
        await house.bank.write(STEP, made, each)
    await house.bank.write(UNREADABLE, made)
    async with house.open():
        if state == "submitting":
            await house.reaches("unknown", CHAT)
        await house.bank.write(OVERDUE, made)
        await house.reaches("charged" if state == "delivered" else "released", CHAT)
        await _told(house, "charged")
    assert await _balance(house) == (PAID if state == "delivered" else FULL)


async def test_what_keeps_failing_is_tried_ever_later_but_not_after_its_deadline(house: House) -> None:
    """Half a minute, then twice as long each time; and what has another time of its own keeps it."""
    made = await _confirmed(house)
    wait = "SELECT round(extract(epoch FROM next_step_at - now())) FROM generation WHERE id = $1"
    async with house.bank.transaction() as connection:
        waits = []
        for _ in range(7):
            await connection.execute("UPDATE generation SET next_step_at = now() WHERE id = $1", made)
            await connection.execute(sql("generation_set_aside"), made, 30.0)
            waits.append(int(await connection.fetchval(wait, made)))
        assert waits[:5] == [30, 60, 120, 240, 480]
        assert 880 < waits[5] == waits[6] <= 900
        await connection.execute("UPDATE generation SET next_step_at = 'infinity' WHERE id = $1", made)
        await connection.execute(sql("generation_set_aside"), made, 30.0)
        assert await connection.fetchval("SELECT next_step_at = 'infinity' FROM generation WHERE id = $1", made)


async def test_a_task_that_we_already_have_is_not_ours_and_its_order_ends_as_unknown(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider names one task twice: the second order is not left where nothing wakes it."""
    really, named = Market.create, list[str]()

    async def create(self: Market, given: Order) -> str:
        named.append(await really(self, given))
        return named[0]

    monkeypatch.setattr(Market, "create", create)
    with testing.record() as recorded:
        async with house.open():
            await house.write("/start", CHAT)
            await order(house, CHAT, "z-image", prompt="a fox", aspect_ratio="1:1")
            await house.reaches("charged", CHAT)
            made = await order(house, CHAT, "z-image", prompt="a dog", aspect_ratio="1:1")
            await house.reaches("unknown", CHAT)
            assert await house.bank.value("SELECT deadline_at <= next_step_at FROM generation WHERE id = $1", made)
            await house.bank.write(OVERDUE, made)
            await house.reaches("released", CHAT)
    assert await house.bank.value("SELECT failure_class FROM generation WHERE id = $1", made) == "unknown"
    assert len(recorded.all(events.GenerationStepFailed)) == len(recorded.all(events.GenerationUnknown)) == 1
    assert await _balance(house) == PAID


async def test_a_task_whose_order_could_not_be_noted_is_looked_at_all_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the call anything may fail: what is known of the task is not lost, and what it brings is delivered."""
    really, failed = progress.show, list[str]()

    async def show(connection: Any, row: Any, model: Any, stage: progress.Stage) -> None:
        if stage == "drawing" and not failed:
            failed.append(stage)
            raise KeyError(stage)
        await really(connection, row, model, stage)

    monkeypatch.setattr(progress, "show", show)
    async with house.open():
        await house.write("/start", CHAT)
        made = await order(house, CHAT, "z-image", prompt="a fox", aspect_ratio="1:1")
        await _is(house, "SELECT state = 'submitted' AND next_step_at > now() FROM generation WHERE id = $1", made)
        await house.bank.write("UPDATE generation SET next_step_at = now() WHERE id = $1", made)
        await house.reaches("charged", CHAT)
    assert failed == ["drawing"]
    assert len(await house.sandbox.tasks()) == 1
    assert await _balance(house) == PAID


async def test_what_could_not_even_be_asked_for_was_not_ordered(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order that cannot be written fails while the generation is held: nobody need wait for a task."""

    def order_of(*_: object) -> Order:
        raise LookupError

    monkeypatch.setattr("bot.generation.wire.order", order_of)
    with testing.record() as recorded:
        async with house.open():
            await house.write("/start", CHAT)
            made = await order(house, CHAT, "z-image", prompt="a fox", aspect_ratio="1:1")
            await recorded.next(events.GenerationStepFailed)
            await _is(house, "SELECT state = 'held' AND next_step_at > now() FROM generation WHERE id = $1", made)
            await house.bank.write(OVERDUE, made)
            await house.reaches("released", CHAT)
    assert await house.sandbox.tasks() == []


async def _stands(house: House, made: int, state: str) -> None:
    """Let a generation stand in this state, without what should have come with it."""
    for each in ("submitting", "submitted", "succeeded"):
        await house.bank.write(STEP, made, each)
        if each == state:
            break
    await house.bank.write("UPDATE generation SET next_step_at = now() WHERE id = $1", made)


async def test_an_order_that_nobody_waits_for_any_more_is_unknown(house: House) -> None:
    """Should its step have ended without a word, the next look at what is due finds it."""
    made = await _confirmed(house)
    # Shown so long ago that it may be edited again.
    await house.bank.write("UPDATE generation SET next_step_at = 'infinity', shown_at = NULL WHERE id = $1", made)
    async with house.open():
        await _stands(house, made, "submitting")
        await house.reaches("unknown", CHAT)
        await _told(house, "has not answered clearly")
    assert await house.sandbox.tasks() == []


async def test_a_result_that_nobody_brings_is_given_up(house: House) -> None:
    """Without a message under way nothing would ever end it: the credits go back."""
    made = await _confirmed(house)
    await _stands(house, made, "succeeded")
    async with house.open():
        await house.reaches("released", CHAT)
    assert await house.bank.value("SELECT failure_class FROM generation WHERE id = $1", made) == "ours"
    assert await _balance(house) == FULL


async def test_a_result_on_its_way_is_left_to_the_outbox(house: House) -> None:
    """However long Telegram takes."""
    made = await _confirmed(house)
    async with house.open("generations"):
        await house.reaches("succeeded", CHAT)
        await _is(house, "SELECT next_step_at < 'infinity' FROM generation WHERE id = $1", made)
        await house.bank.write("UPDATE generation SET next_step_at = now() WHERE id = $1", made)
        await _is(house, "SELECT next_step_at > now() FROM generation WHERE id = $1", made)
        assert await house.state(CHAT) == "succeeded"
    async with house.open():
        await house.reaches("charged", CHAT)


async def test_a_gift_that_nobody_brings_is_ended(house: House) -> None:
    """So that it does not stand in the way of its user's wish to be forgotten."""
    made = await _confirmed(house)
    await house.bank.write("UPDATE generation SET state = 'failed', failure_class = 'timeout' WHERE id = $1", made)
    async with house.open():
        await house.reaches("released", CHAT)
        await house.bank.write(
            "INSERT INTO generation_late (generation_id, state, next_look_at, until) VALUES ($1, 'sent', now(), now())",
            made,
        )
        await _is(house, "SELECT state = 'ended' FROM generation_late")


async def test_a_late_look_that_keeps_failing_waits_and_ends_with_its_day(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not taken again at once, and not for ever."""
    looks = 0

    async def poll(_self: Market, _task_id: str) -> Progress:
        nonlocal looks
        looks += 1
        raise KeyError

    made = await _confirmed(house)
    await house.bank.write(
        "UPDATE generation SET state = 'failed', failure_class = 'timeout', task_id = 't' WHERE id = $1", made
    )
    monkeypatch.setattr(Market, "poll", poll)
    async with house.open():
        await house.reaches("released", CHAT)
        await house.bank.write("UPDATE generation_late SET next_look_at = now()")
        await _is(
            house,
            "SELECT next_look_at BETWEEN now() + interval '20 s' AND now() + interval '1 min' FROM generation_late",
        )
        assert looks == 1
        await house.bank.write(UNREADABLE, made)
        await house.bank.write("UPDATE generation_late SET until = now(), next_look_at = now()")
        await _is(house, "SELECT state = 'ended' FROM generation_late")


async def test_what_the_catalogue_cannot_price_any_more_is_delivered_and_charged_as_quoted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deploy changed the price rule meanwhile, and the provider does not say what it took: the quote says it."""
    really = Market.poll

    async def poll(self: Market, task_id: str) -> Progress:
        found = await really(self, task_id)
        return replace(found, credits=None) if isinstance(found, Succeeded) else found

    monkeypatch.setattr(Market, "poll", poll)
    made = await _confirmed(house)
    catalogue = load()
    model = catalogue.models["z-image"]
    table = Table(rule="table", by=("resolution",), credits={"1K": Decimal(9)})
    changed = {**catalogue.models, model.id: model.model_copy(update={"price": table})}
    house.catalogue = replace(catalogue, models=changed)
    with testing.record() as recorded:
        async with house.open():
            await house.reaches("charged", CHAT)
    assert await house.bank.value("SELECT cost FROM generation WHERE id = $1", made) == 4_000
    assert [event.generation_id for event in recorded.all(events.GenerationUnpriced)] == [made]
    assert await _balance(house) == PAID
