"""What a generation costs: a function of the model and its complete inputs, exact to the milli-credit.

A user's price is the provider's credits for exactly these inputs, rounded up to 0.1 credit. The margin is not here: it
lies in what a credit sells for.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Final

from bot.catalogue.entry import Flat, Model, Value
from bot.ledger import MILLI

STEP: Final = 100
"""Prices are multiples of 0.1 credit."""

MICRO_DOLLARS_PER_CREDIT: Final = 5000
"""The provider sells its credit for $0.005."""


def provider_credits(model: Model, inputs: Mapping[str, Value]) -> Decimal:
    """Return what the provider takes for these inputs, in its credits, unrounded."""
    del inputs  # a flat price hears nothing of them; every other rule will
    match model.price:
        case Flat(credits=credits_):
            return credits_


def price(model: Model, inputs: Mapping[str, Value]) -> int:
    """Return the user's price in milli-credits, rounded up to 0.1 credit."""
    milli = provider_credits(model, inputs) * MILLI
    return int((milli / STEP).to_integral_value(ROUND_CEILING)) * STEP


def cost(credits_: Decimal) -> int:
    """Return what the operator pays for the provider's credits, in micro-dollars, rounded up."""
    return int((credits_ * MICRO_DOLLARS_PER_CREDIT).to_integral_value(ROUND_CEILING))
