"""What is told of a model's health, and whom routing takes for healthy."""

from __future__ import annotations

from bot.breaker import Breaker
from bot.health import Recent, Standing, health
from bot.ports import Health


def test_a_share_is_told_of_enough_ends_only() -> None:
    """Four of four is luck; users' own faults are in neither number."""
    assert health(Recent(successes=4)).success is None
    assert health(Recent(successes=4, faults=1)).success == 0.8
    assert health(Recent()) == Health()


def test_the_typical_time_is_the_mean_of_the_hour_else_of_the_day() -> None:
    """Three successes make a mean."""
    assert health(Recent(successes=3, seconds=30, day_successes=3, day_seconds=90)).seconds == 10
    assert health(Recent(successes=2, seconds=20, day_successes=3, day_seconds=90)).seconds == 30
    assert health(Recent(day_successes=2, day_seconds=90)).seconds is None


def test_a_model_is_healthy_until_it_is_known_to_fail() -> None:
    """By its numbers, or by its breaker."""
    assert Standing().is_healthy(0.0)
    assert Standing(Health(success=0.5)).is_healthy(0.0)
    assert not Standing(Health(success=0.49)).is_healthy(0.0)
    assert not Standing(breaker=Breaker(opened_at=0.0)).is_healthy(1.0)
