"""What the database knows of models and money, as a scrape shows it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from supervisor import model_totals
from supervisor.totals import Totals
from telemetry import expose, metrics, snapshot
from telemetry.catalogue.models import OUTCOMES

LOCK_KEY = 4_213_370_000_000_000_003
CREDIT_USD = 0.01
HOUR = """
    INSERT INTO model_hour (model_id, hour, success, charged, charged_given, cost, welcome_cost)
    VALUES ($1, date_trunc('hour', now(), 'UTC'), 1, $2, $3, $4, $5)"""
HOURS = """
    INSERT INTO model_hour (model_id, hour, success, timeout, late, charged, charged_given, cost, free_cost, welcome_cost)
    VALUES ('a', date_trunc('hour', now(), 'UTC'), 4, 1, 1, 4000, 1000, 25000, 5000, 5000),
           ('a', date_trunc('hour', now(), 'UTC') - interval '5 hours', 1, 0, 0, 1000, 0, 5000, 0, 0),
           ('a', '-infinity', 90, 0, 0, 90000, 0, 450000, 0, 0)"""


@pytest.fixture(autouse=True)
def configured() -> Any:
    """The metrics of one process that sells two models."""
    metrics.configure(instance_id="test-1", version="1.2.3")
    metrics.declare("model", {"a": {"modality": "image"}, "b": {"modality": "image"}})
    metrics.declare("routed", ["a", "b"])
    yield
    metrics.reset()
    snapshot.SNAPSHOT.begin()


async def scraped(pool: Any) -> dict[str, float]:
    """Read the totals once and every series of a scrape, without the instance."""
    await Totals(lambda: pool, LOCK_KEY, credit_usd=CREDIT_USD).read()
    found = {}
    for line in expose.render()[0].decode().splitlines():
        if not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            found[re.sub(r'instance_id="test-1",?|\{instance_id="test-1"\}', "", series)] = float(value)
    return found


@pytest.fixture
async def write(pool: Any) -> Any:
    """Write as the term that is under way does."""

    async def run(statement: str, *args: object) -> None:
        async with pool.acquire() as connection, connection.transaction():
            epoch = await connection.fetchval("SELECT max(epoch) FROM lock_heartbeat")
            if epoch is None:
                epoch = await connection.fetchval("SELECT lock_claim($1, 'test', 600000, NULL, NULL, 'free')", LOCK_KEY)
            await connection.execute("SELECT lock_fence($1, $2)", LOCK_KEY, epoch)
            await connection.execute(statement, *args)

    return run


async def test_what_models_brought_and_cost_is_told_by_window_and_ever(pool: Any, write: Any) -> None:
    """Margin is of what was bought; what was given away is told beside it."""
    await write(HOURS)
    found = await scraped(pool)
    assert found['bot_model_generations_window{model="a",outcome="success",window="1h"}'] == 4
    assert found['bot_model_generations_window{model="a",outcome="success",window="24h"}'] == 5
    assert found['bot_model_generations_window{model="a",outcome="timeout",window="1h"}'] == 1
    assert found['bot_model_generations_window{model="a",outcome="moderation",window="1h"}'] == 0
    assert found['bot_model_generations_window{model="a",outcome="late",window="24h"}'] == 1
    assert found['bot_model_charged_credits_window{model="a",window="1h"}'] == 4
    assert found['bot_model_cost_usd_window{model="a",window="1h"}'] == pytest.approx(0.025)
    assert found['bot_model_given_cost_usd_window{model="a",window="1h"}'] == pytest.approx(0.01)
    assert found['bot_model_margin_usd_window{model="a",window="1h"}'] == pytest.approx(0.03 - 0.015)
    assert found['bot_model_cost_per_success_usd_window{model="a",window="1h"}'] == pytest.approx(0.025 / 4)
    assert found['bot_generation_charged_credits_db_total{model="a"}'] == 95
    assert found['bot_generation_cost_db_usd_total{model="a"}'] == pytest.approx(0.48)
    assert not any('model="b"' in series and "_window" in series for series in found)


async def test_a_price_below_cost_is_a_margin_below_zero(pool: Any, write: Any) -> None:
    """What an alert looks for, and nobody else's gift makes it fire."""
    await write(HOUR, "a", 100, 0, 5000, 0)
    await write(HOUR, "b", 800, 800, 4000, 4000)
    found = await scraped(pool)
    assert found['bot_model_margin_usd_window{model="a",window="1h"}'] == pytest.approx(-0.004)
    assert found['bot_model_margin_usd_window{model="b",window="1h"}'] == 0


async def test_routes_are_told_and_models_nobody_knows_are_others(pool: Any, write: Any) -> None:
    """A model that was withdrawn, or that a newer instance sells; no label can grow."""
    await write(
        "INSERT INTO model_route (requested, model_id, reason, generations) VALUES "
        "('words', 'a', 'cheapest', 3), ('model', 'gone', 'chosen', 2), ('model', 'new', 'chosen', 5)"
    )
    await write(HOUR, "gone", 1000, 0, 0, 0)
    await write(HOUR, "new", 2000, 0, 0, 0)
    found = await scraped(pool)
    routed = "bot_generations_routed_db_total"
    assert found[routed + '{reason="cheapest",requested="words",routed="a"}'] == 3
    assert found[routed + '{reason="chosen",requested="model",routed="other"}'] == 7
    assert found['bot_generation_charged_credits_db_total{model="other"}'] == 3


async def test_the_balance_is_told_while_somebody_asks(pool: Any, write: Any) -> None:
    """Absent before and after, so that an alert can say that nobody knows; whether anything is sold stays."""
    name, stopped = 'bot_provider_balance_credits{provider="kie"}', 'bot_selling_stopped{reason="balance"}'
    assert not any("balance_credits" in series for series in await scraped(pool))
    await write("INSERT INTO provider_balance (provider, credits) VALUES ('kie', 12.5)")
    found = await scraped(pool)
    assert (found[name], found[stopped]) == (12.5, 0)
    await write("UPDATE provider_balance SET stopped = 'balance', told_at = now() - interval '16 minutes'")
    found = await scraped(pool)
    assert name not in found
    assert (found[stopped], found['bot_selling_stopped{reason="key"}']) == (1, 0)


def test_a_window_without_a_success_has_no_cost_of_one() -> None:
    """Nothing is divided by nothing."""
    row = dict.fromkeys((*OUTCOMES, "charged", "charged_given", "cost", "free_cost", "welcome_cost"), 0)
    found = model_totals.lately([{**row, "model_id": "a", "time_window": "1h", "timeout": 2}], CREDIT_USD)
    assert found["cost_per_success_window"] == {}
    assert found["generations_window"]["a", "timeout", "1h"] == 2
