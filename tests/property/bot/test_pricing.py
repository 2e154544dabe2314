"""Prices, for any credits the provider may take."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot import pricing
from bot.catalogue import Flat, load

MODEL = load().models["z-image"]
CREDITS = st.decimals(min_value=Decimal("0.0001"), max_value=Decimal(2000), places=4)


@given(CREDITS)
def test_a_price_covers_the_cost_by_less_than_a_tenth_of_a_credit(credits_: Decimal) -> None:
    """Rounded up to a multiple of 100 milli-credits, and no further."""
    price = pricing.price(MODEL.model_copy(update={"price": Flat(rule="flat", credits=credits_)}), {})
    assert price % 100 == 0
    assert 0 <= price - credits_ * 1000 < 100


@given(CREDITS, CREDITS)
def test_a_dearer_task_never_costs_less(one: Decimal, other: Decimal) -> None:
    """Rounding keeps the order."""
    prices = [
        pricing.price(MODEL.model_copy(update={"price": Flat(rule="flat", credits=each)}), {})
        for each in sorted((one, other))
    ]
    assert prices == sorted(prices)
