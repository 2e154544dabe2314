"""What is counted of each generation, in the transaction that settles it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot import accounts, numbers
from bot.ledger import Payment
from bot.sandbox.testing import until

if TYPE_CHECKING:
    from tests.integration.bot.conftest import Bank, House
    from tests.integration.bot.routing.conftest import Customer

CHAT = 701
OVERDUE = "UPDATE generation SET next_step_at = now(), deadline_at = now() WHERE state = 'submitted'"
GIFT = {"charged": 800, "charged_given": 800, "cost": 4_000, "welcome_cost": 4_000}


async def test_a_success_is_counted_with_its_credits_its_cost_and_its_time(house: House, customer: Customer) -> None:
    """Paid with credits that nobody bought: the operator's expense; and how it came to this model."""
    async with house.open():
        await customer.ends("charged")
    assert await customer.hours() == {"z-image": {"success": 1, **GIFT}}
    assert await house.bank.value("SELECT seconds > 0 FROM model_hour")
    assert await house.bank.value("SELECT hour = date_trunc('hour', settled_at) FROM model_hour, generation")
    assert await customer.routes() == {("words", "z-image", "cheapest"): 1}


async def test_bought_credits_are_no_gift(house: House, customer: Customer) -> None:
    """Who has ever bought any pays with them, as far as the numbers go."""
    async with house.open():
        await house.write("/start", CHAT)
        async with house.bank.transaction() as connection:
            await accounts.topup(connection, CHAT, 50_000, Payment("stars", "1"))
        await customer.ends("charged")
    assert await customer.hours() == {"z-image": {"success": 1, "charged": 800, "cost": 4_000}}


@pytest.mark.parametrize(
    ("faults", "outcome"),
    [
        ({"provider_fail": 500}, "provider_error"),
        ({"provider_refuse": 402}, "provider_error"),
        ({"provider_fail": 501}, "moderation"),
        ({"provider_fail": 422}, "bad_input"),
    ],
    ids=str,
)
async def test_a_failure_is_counted_by_whose_it_was_and_brings_nothing(
    house: House, customer: Customer, faults: dict[str, Any], outcome: str
) -> None:
    """One row, one count, no credits."""
    await house.sandbox.set_faults(**faults)
    async with house.open():
        await customer.ends("released")
    assert await customer.hours() == {"z-image": {outcome: 1}}


async def test_a_chosen_model_is_counted_as_chosen(house: House, customer: Customer) -> None:
    """Without a route of its own."""
    async with house.open():
        await house.write("a red fox", CHAT)
        await house.bank.write("DELETE FROM generation_route")
        await house.press("Generate", CHAT)
        await house.reaches("charged", CHAT)
    assert await customer.routes() == {("model", "z-image", "chosen"): 1}


async def test_what_comes_too_late_is_counted_as_given_away(house: House, customer: Customer) -> None:
    """The timeout stays one; the cost is there, and nobody was charged."""
    await house.sandbox.set_faults(provider_stuck="on", provider_no_callback="on")
    async with house.open():
        await customer.confirm()
        await house.reaches("submitted", CHAT)
        await house.bank.write(OVERDUE)
        await house.reaches("released", CHAT)
        await house.bank.write("UPDATE generation_late SET next_look_at = now()")
        await house.sandbox.set_faults(provider_stuck=None)

        async def is_given() -> bool:
            return bool(await house.bank.value("SELECT state = 'delivered' FROM generation_late"))

        await until(is_given, "the late result is delivered")
    assert await customer.hours() == {"z-image": {"timeout": 1, "late": 1, "cost": 4_000, "free_cost": 4_000}}


@pytest.mark.parametrize("after_commit", [True, False])
async def test_a_death_at_the_charge_counts_once(house: House, customer: Customer, *, after_commit: bool) -> None:
    """M5 for the numbers: they are of the transaction that charges."""
    async with house.open("telegram", "outbox"):
        await customer.confirm()
    house.bank.kill_at, house.bank.kill_after_commit = "charged", after_commit
    with pytest.raises(BaseExceptionGroup):
        async with house.open():
            await until(_died(house), "the process died")
    house.bank.kill_at, house.bank.dead = None, False
    await house.bank.begin()
    async with house.open():
        await house.reaches("charged", CHAT)
    assert await customer.hours() == {"z-image": {"success": 1, **GIFT}}


def _died(house: House) -> Any:
    async def is_dead() -> bool:
        return house.bank.dead

    return is_dead


async def _put(bank: Bank, model_id: str, ago: str, **counts: float) -> None:
    names, values = ", ".join(counts), ", ".join(map(str, counts.values()))
    await bank.write(
        f"INSERT INTO model_hour (model_id, hour, {names}) "  # noqa: S608 - ours
        f"VALUES ($1, date_trunc('hour', now()) - $2::text::interval, {values})",
        model_id,
        ago,
    )


async def test_an_hour_slides(bank: Bank) -> None:
    """The hour before counts in as much as it still lies within; what is older does not; a day is a day."""
    await _put(bank, "m", "0", success=10, timeout=2, seconds=100)
    await _put(bank, "m", "1 hour", success=600, provider_error=60, seconds=6000)
    await _put(bank, "m", "2 hours", success=1000, seconds=10)
    await _put(bank, "m", "26 hours", success=1_000_000, seconds=10)
    async with bank.reading() as connection:
        found = (await numbers.recent(connection))["m"]
        part = (
            1 - float(await connection.fetchval("SELECT extract(epoch FROM now() - date_trunc('hour', now()))")) / 3600
        )
    assert found.successes == pytest.approx(10 + 600 * part, abs=2)
    assert found.faults == pytest.approx(2 + 60 * part, abs=1)
    assert found.seconds == pytest.approx(100 + 6000 * part, abs=20)
    assert (found.day_successes, found.day_seconds) == (1610, 6110)


async def test_old_hours_are_added_up_and_nothing_is_lost(bank: Bank) -> None:
    """One row for all that is gone; totals never go back."""
    await _put(bank, "m", "9 days", success=3, charged=2_400, cost=12_000, seconds=30)
    await _put(bank, "m", "8 days 2 hours", success=1, charged=800, cost=4_000, seconds=9.5)
    await _put(bank, "m", "7 days", success=5, charged=4_000)
    await _put(bank, "n", "100 days", late=1, free_cost=7)
    for _ in range(2):
        async with bank.transaction() as connection:
            await numbers.fold(connection)
        async with bank.reading() as connection:
            rows = await connection.fetch("SELECT * FROM model_hour ORDER BY model_id, hour")
        assert [(row["model_id"], row["success"], row["charged"], row["cost"], row["seconds"]) for row in rows] == [
            ("m", 4, 3_200, 16_000, 39.5),
            ("m", 5, 4_000, 0, 0),
            ("n", 0, 0, 0, 0),
        ]
    await _put(bank, "m", "10 days", success=1)
    async with bank.transaction() as connection:
        await numbers.fold(connection)
    assert await bank.value("SELECT success FROM model_hour WHERE hour = '-infinity' AND model_id = 'm'") == 5
    async with bank.reading() as connection:
        assert await numbers.recent(connection) == {}
