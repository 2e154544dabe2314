"""What the totals say of generations: those under way, by real rows, and what the models did."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.totals import Totals
from tests.integration.supervisor.test_totals import configured, reader, scraped
from tests.integration.supervisor.test_totals_queue import filled

__all__ = ["configured", "filled", "reader"]

GENERATION = """
INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price, state, task_id, quoted_at, next_step_at, settled_at)
SELECT 1, 1, 'chat:1', $1, '{}', 0, $2, CASE WHEN $2 IN ('submitted', 'succeeded', 'delivered', 'charged') THEN $1 || $2 END,
       now() - $3::text::interval, now() - $4::text::interval, CASE WHEN $2 IN ('charged', 'released') THEN now() END
"""
HOUR = """
INSERT INTO model_hour (model_id, hour, success, provider_error, charged, charged_given, cost, free_cost, welcome_cost, seconds)
VALUES ($1, date_trunc('hour', now()), 8, 2, 8000, 0, 20000, 0, 0, 120)
"""
DUE = "bot_generation_overdue_seconds"
OLDEST = 'bot_generation_oldest_open_seconds{model="other"}'


async def test_generations_under_way_are_counted_by_state_and_the_oldest_is_told(reader: Totals, filled: Any) -> None:
    """Quotes that nobody confirmed, and what is settled, are not under way."""
    for state, age in (
        ("held", "1 minute"),
        ("submitted", "20 minutes"),
        ("quoted", "3 hours"),
        ("charged", "2 days"),
        ("released", "2 days"),
    ):
        await filled.execute(GENERATION, "gone-1", state, age, "-1 minute")
    await reader.read()
    found = scraped()
    assert found['bot_generations_open{state="held"}'] == found['bot_generations_open{state="submitted"}'] == 1
    assert found['bot_generations_open{state="unknown"}'] == 0
    assert found[OLDEST] == pytest.approx(1200, abs=10)
    assert found[DUE] == 0


@pytest.mark.parametrize(
    ("state", "overdue"),
    [("submitted", 90), ("failed", 90), ("delivered", 90), ("unknown", 90), ("held", 0), ("succeeded", 0)],
)
async def test_only_a_step_that_waits_for_nothing_is_overdue(
    reader: Totals, filled: Any, state: str, overdue: float
) -> None:
    """What is held waits for its turn at the provider, what has succeeded for Telegram; both have limits of their own."""
    await filled.execute(GENERATION, "gone-1", state, "5 minutes", "90 seconds")
    await filled.execute(GENERATION, "gone-2", state, "5 minutes", "-90 seconds")
    await reader.read()
    assert scraped()[DUE] == pytest.approx(overdue, abs=10)


async def test_the_status_tells_how_the_models_did_and_how_long_they_take(reader: Totals, filled: Any) -> None:
    """From the same reading as the metrics; before the first there is nothing to tell."""
    assert reader.models() == ()
    await filled.execute(HOUR, "withdrawn")
    await reader.read()
    (found,) = reader.models()
    assert (found.model, found.ended_24h, found.success_24h, found.typical_seconds) == ("withdrawn", 10, 0.8, 15)
    assert scraped()['bot_model_seconds_per_success_window{model="other",window="24h"}'] == 15
