"""Prices are exact and rounded up to a tenth of a credit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot import pricing
from bot.catalogue import Flat, Model, check, load

MODEL = load().models["z-image"]


def _at(credits_: str) -> Model:
    return MODEL.model_copy(update={"price": Flat(rule="flat", credits=Decimal(credits_))})


@pytest.mark.parametrize("shape", ["1:1", "4:3", "3:4", "16:9", "9:16"])
def test_z_image_costs_0_8_credits_in_every_shape(shape: str) -> None:
    """800 milli-credits for the user, $0.004 for the operator."""
    inputs = check(MODEL, {"prompt": "fox", "aspect_ratio": shape})
    assert pricing.price(MODEL, inputs) == 800
    assert pricing.cost(pricing.provider_credits(MODEL, inputs)) == 4_000


@pytest.mark.parametrize(
    ("credits_", "milli", "micro"),
    [("0.24", 300, 1_200), ("0.01", 100, 50), ("0.1", 100, 500), ("3.5", 3_500, 17_500), ("0.30000001", 400, 1_501)],
)
def test_prices_and_costs_are_rounded_up(credits_: str, milli: int, micro: int) -> None:
    """Never below what the provider takes."""
    assert pricing.price(_at(credits_), {}) == milli
    assert pricing.cost(Decimal(credits_)) == micro
