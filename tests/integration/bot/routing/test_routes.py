"""A provider in trouble, from the chat to the ledger: routed elsewhere, for no more, or kindly refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.accounts import Balance
from bot.breaker import IN_A_ROW
from bot.catalogue import Catalogue, load
from bot.sandbox.testing import until
from telemetry import events, testing
from tests.integration.bot.routing.conftest import LONG

if TYPE_CHECKING:
    from tests.integration.bot.conftest import House
    from tests.integration.bot.routing.conftest import Customer

CHAT = 701
CATALOGUE = load()


def _only(*model_ids: str) -> Catalogue:
    return replace(CATALOGUE, models={model_id: CATALOGUE.models[model_id] for model_id in model_ids})


async def _shows(house: House, words: str) -> None:
    async def is_shown() -> bool:
        return any(words in message["text"] for message in await house.messages(CHAT))

    await until(is_shown, f"a message says {words!r}")


async def test_many_words_are_drawn_a_tier_up_and_the_user_sees_by_whom(house: House, customer: Customer) -> None:
    """The quote and the caption name the model; the row says why."""
    async with house.open():
        await customer.ends("charged", LONG)
        await _shows(house, "Seedream")
    assert await customer.newest("model_id, requested, reason, price") == {
        "model_id": "bytedance/seedream",
        "requested": "words",
        "reason": "long",
        "price": 3_500,
    }


async def test_a_model_that_keeps_failing_is_not_sold_and_others_draw_instead(house: House, customer: Customer) -> None:
    """Its breaker opens; what was quoted before is refused kindly, what is asked for next goes elsewhere."""
    await house.sandbox.set_faults(provider_fail="500")
    with testing.record() as recorded:
        async with house.open():
            for number in range(IN_A_ROW):
                await customer.ends("released", f"fox {number}")
            changed = recorded.all(events.CircuitChanged)
            assert [(event.model, event.state) for event in changed] == [("z-image", "open")]
            await house.sandbox.set_faults(provider_fail=None)
            await customer.confirm("a red fox")
            await house.reaches("charged", CHAT)
            found = await customer.newest("model_id, reason, price")
            assert (found["reason"], found["price"]) == ("unhealthy", 3_500)
    assert (await customer.balance()) == Balance(16_500, 0)
    closed = recorded.all(events.CircuitChanged)[-1]
    assert (closed.model, closed.state) == ("z-image", "closed"), "a term that is over says nothing any more"


async def test_a_success_is_heard_of_too_and_failures_before_it_count_no_more(house: House, customer: Customer) -> None:
    """Four faults in a row open a breaker; with a picture between them they are not in a row."""
    with testing.record() as recorded:
        async with house.open():
            for number in range(IN_A_ROW):
                is_well = number == IN_A_ROW - 1
                await house.sandbox.set_faults(provider_fail=None if is_well else "500")
                await customer.ends("charged" if is_well else "released", f"fox {number}")
            await house.sandbox.set_faults(provider_fail="500")
            await customer.ends("released", "the last fox")
    assert recorded.all(events.CircuitChanged) == []


async def test_a_quote_of_a_model_whose_breaker_opened_meanwhile_is_refused(house: House, customer: Customer) -> None:
    """Nothing is held; the words say what to do."""
    await house.sandbox.set_faults(provider_fail="500")
    async with house.open():
        await house.write("quoted before", CHAT)
        for number in range(IN_A_ROW):
            await customer.ends("released", f"fox {number}")
        await house.press("Generate", CHAT)
        toast = await customer.toast(IN_A_ROW + 1)
        assert await house.bank.value("SELECT count(*) FROM generation WHERE state = 'quoted'") == 1
    assert toast is not None
    assert "This model has trouble just now" in toast
    assert await customer.balance() == Balance(20_000, 0)


@pytest.mark.parametrize(("refusal", "others"), [("500*1", 1), ("455*2", 2)])
async def test_an_order_that_made_no_task_goes_to_another_model_for_no_more(
    house: House, customer: Customer, refusal: str, others: int
) -> None:
    """The provider's trouble with one model; the user agreed to a price, and pays that at most."""
    await house.sandbox.set_faults(provider_refuse=refusal)
    with testing.record() as recorded:
        async with house.open():
            await customer.ends("charged", LONG)
    found = await customer.newest("model_id, reason, tried, quoted, price")
    assert found["reason"] == "fallback"
    assert found["tried"][0] == "bytedance/seedream"
    assert len(found["tried"]) == others
    assert found["model_id"] not in found["tried"]
    assert found["price"] <= found["quoted"] == 3_500
    assert await customer.balance() == Balance(20_000 - found["price"], 0)
    assert len(await house.sandbox.tasks()) == 1
    assert [event.failed for event in recorded.all(events.GenerationRerouted)] == found["tried"]


async def test_a_cheaper_model_that_takes_over_is_paid_its_own_price(house: House, customer: Customer) -> None:
    """What is held and not needed goes back with the charge."""
    house.catalogue = _only("z-image", "bytedance/seedream")
    await house.sandbox.set_faults(provider_refuse="500*1")
    async with house.open():
        await customer.ends("charged", LONG)
        await _shows(house, "0.8 credits charged. You have 19.2 credits left.")
    assert await customer.newest("model_id, quoted, price") == {"model_id": "z-image", "quoted": 3_500, "price": 800}
    assert await customer.balance() == Balance(19_200, 0)
    assert await customer.routes() == {("words", "z-image", "fallback"): 1}
    assert {name: counted["charged"] for name, counted in (await customer.hours()).items()} == {"z-image": 800}


async def test_without_another_model_the_credits_go_back(house: House, customer: Customer) -> None:
    """Every model was tried once, and the user pays nothing."""
    house.catalogue = _only("z-image", "bytedance/seedream")
    await house.sandbox.set_faults(provider_refuse="500")
    async with house.open():
        await customer.ends("released", LONG)
    assert (await customer.newest("tried"))["tried"] == ["bytedance/seedream"]
    assert await customer.balance() == Balance(20_000, 0)
    assert await house.sandbox.tasks() == []


async def test_a_chosen_model_is_never_changed(house: House, customer: Customer) -> None:
    """It fails, and says so."""
    await house.sandbox.set_faults(provider_refuse="500")
    async with house.open():
        await house.write(LONG, CHAT)
        await house.bank.write("DELETE FROM generation_route")
        await house.press("Generate", CHAT)
        await house.reaches("released", CHAT)
    assert (await customer.newest("model_id"))["model_id"] == "bytedance/seedream"
    assert await customer.balance() == Balance(20_000, 0)


async def test_a_model_that_is_switched_off_takes_nothing_over(house: House, customer: Customer) -> None:
    """What operators took off the menu stays off."""
    house.catalogue = _only("z-image", "bytedance/seedream")
    await house.sandbox.set_faults(provider_refuse="500*1")
    async with house.open():
        await house.write(LONG, CHAT)
        await house.bank.write("INSERT INTO model_switch (model_id) VALUES ('z-image')")
        await house.press("Generate", CHAT)
        await house.reaches("released", CHAT)


async def test_selling_stops_without_credits_and_starts_again(house: House, customer: Customer) -> None:
    """402: nothing is held, the operator is paged, every instance can tell; a filled account is noticed."""
    house.settings["active_tasks_per_user"] = 10
    with testing.record() as recorded:
        async with house.open():
            await customer.ends("charged")
            await house.sandbox.set_faults(provider_no_credit="on")
            await recorded.next(events.SellingStopped)
            await house.write("a red fox", CHAT)
            await house.press("Generate", CHAT)
            toast = await customer.toast(2)
            assert toast is not None
            assert "short break" in toast
            assert await house.state(CHAT) == "quoted"
            await until(_stopped(house, "balance"), "every instance can tell")
            await house.sandbox.set_faults(provider_no_credit=None)
            await recorded.next(events.SellingResumed)
            await house.press("Generate", CHAT)
            await house.reaches("charged", CHAT)
            await until(_stopped(house, None), "every instance can tell")
    assert [event.reason for event in recorded.all(events.SellingStopped)] == ["balance"]
    assert await house.bank.value("SELECT credits > 0 FROM provider_balance")


async def test_selling_stops_with_a_wrong_key_and_is_the_operators_trouble(house: House, customer: Customer) -> None:
    """401: the credits of what was under way go back, no model is at fault, and nothing more is sold."""
    with testing.record() as recorded:
        async with house.open(luck=0.0):
            await house.write("a red fox", CHAT)
            await house.sandbox.set_faults(provider_refuse="401")
            await house.press("Generate", CHAT)
            await house.reaches("released", CHAT)
            await house.write("a blue fox", CHAT)
            await house.press("Generate", CHAT)
            toast = await customer.toast(2)
    assert toast is not None
    assert "short break" in toast
    assert [event.reason for event in recorded.all(events.SellingStopped)] == ["key"]
    assert recorded.all(events.CircuitChanged) == []
    assert await customer.balance() == Balance(20_000, 0)


async def test_when_no_model_is_well_it_is_said_kindly(house: House, customer: Customer) -> None:
    """No quote that could not be kept."""
    house.catalogue = _only("z-image")
    await house.sandbox.set_faults(provider_fail="500")
    async with house.open():
        for number in range(IN_A_ROW):
            await customer.ends("released", f"fox {number}")
        await house.write("a red fox", CHAT)
        await _shows(house, "have trouble just now")
    assert await house.bank.value("SELECT count(*) FROM generation") == IN_A_ROW


def _stopped(house: House, why: str | None) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        return bool(await house.bank.value("SELECT stopped IS NOT DISTINCT FROM $1 FROM provider_balance", why))

    return is_so
