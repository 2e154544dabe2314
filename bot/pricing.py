"""What a generation costs: a function of the model and its complete inputs, exact to the milli-credit.

A user's price is the provider's credits for exactly these inputs, rounded up to 0.1 credit. The margin is not here: it
lies in what a credit sells for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from bot.catalogue.entry import Model
from bot.catalogue.fields import AnyInput, Choice, Integer, Media, Number, Text
from bot.catalogue.file import Value
from bot.catalogue.inputs import MEGAPIXEL
from bot.catalogue.price import Flat, Metered, Table, Unit, rate_of
from bot.ledger import MILLI

STEP: Final = 100
"""Prices are multiples of 0.1 credit."""

MICRO_DOLLARS_PER_CREDIT: Final = 5000
"""The provider sells its credit for $0.005."""

MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Offer:
    """What a model costs before the inputs are known, in milli-credits: for one generation, or for one `unit`.

    `least` is the least that one generation can cost, also where it is paid by the unit.
    """

    lowest: int
    highest: int
    least: int
    unit: Unit | None = None


def provider_credits(model: Model, inputs: Mapping[str, Value]) -> Decimal:
    """Return what the provider takes for these complete inputs, in its credits, unrounded."""
    match model.price:
        case Metered() as metered:
            return _rate(metered.rate, inputs) * _amount(metered, inputs[metered.of])
        case rate:
            return _rate(rate, inputs)


def price(model: Model, inputs: Mapping[str, Value]) -> int:
    """Return the user's price in milli-credits, rounded up to 0.1 credit."""
    return _rounded(provider_credits(model, inputs))


def offer(model: Model) -> Offer:
    """Return the span of a model's prices; per unit where a user's text or file decides how much it is."""
    rate, metered = _rates(rate_of(model.price)), model.price if isinstance(model.price, Metered) else None
    if metered is None:
        return Offer(_rounded(min(rate)), _rounded(max(rate)), _rounded(min(rate)))
    rule = model.inputs[metered.of]
    few, many = (_billed(metered, each) for each in _span(metered, rule))
    least, most = _rounded(min(rate) * few), _rounded(max(rate) * many)
    if isinstance(rule, Media | Text):
        return Offer(_rounded(min(rate)), _rounded(max(rate)), least, metered.unit)
    return Offer(least, most, least)


def highest(model: Model) -> int:
    """Return the most that one generation of this model can cost, in milli-credits."""
    rate = max(_rates(rate_of(model.price)))
    if not isinstance(model.price, Metered):
        return _rounded(rate)
    _, most = _span(model.price, model.inputs[model.price.of])
    return _rounded(rate * _billed(model.price, most))


def cost(credits_: Decimal) -> int:
    """Return what the operator pays for the provider's credits, in micro-dollars, rounded up."""
    return int((credits_ * MICRO_DOLLARS_PER_CREDIT).to_integral_value(ROUND_CEILING))


def _rate(rate: Flat | Table, inputs: Mapping[str, Value]) -> Decimal:
    return rate.credits if isinstance(rate, Flat) else rate.credits[rate.key(inputs)]


def _rates(rate: Flat | Table) -> tuple[Decimal, ...]:
    return (rate.credits,) if isinstance(rate, Flat) else tuple(rate.credits.values())


def _span(metered: Metered, rule: AnyInput) -> tuple[Decimal, Decimal]:
    """Return the least and the most that the metered input can be, in units."""
    match rule:
        case Choice(enum=enum):
            named = metered.amounts
            amounts = [_measure(metered.unit, each) if named is None else named[each] for each in enum]
            return min(amounts), max(amounts)
        case Integer() | Number():
            return _measure(metered.unit, rule.min), _measure(metered.unit, rule.max)
        case Text():
            return Decimal(max(rule.min_length, 1)) / 1000, Decimal(rule.max_length) / 1000
        case Media() if metered.unit == "megapixel":
            return Decimal(1), Decimal(rule.max_megapixels or 1)
        case Media():
            return Decimal(1), _measure(metered.unit, rule.max_seconds or 1)
        case _:
            raise TypeError(f"{metered.of} cannot be counted")


def _amount(metered: Metered, value: Value) -> Decimal:
    return _billed(metered, _measure(metered.unit, value) if metered.amounts is None else metered.amounts[str(value)])


def _billed(metered: Metered, amount: Decimal) -> Decimal:
    """Return how many units are paid for: started ones, at least the minimum; characters in exact thousandths."""
    if metered.unit == "1000_characters":
        return amount
    return max(amount.to_integral_value(ROUND_CEILING), Decimal(metered.minimum))


def _measure(unit: Unit, value: Value) -> Decimal:
    match unit:
        case "1000_characters":
            return Decimal(len(str(value))) / 1000
        case "megapixel":
            return Decimal(_told(value, "pixels")) / MEGAPIXEL
        case "second":
            return _seconds(value)
        case "minute":
            return _seconds(value) / MINUTE


def _seconds(value: Value) -> Decimal:
    return Decimal(_told(value, "seconds")) if isinstance(value, tuple) else Decimal(value)


def _told(value: Value, measure: str) -> int:
    """Return what `check` has made sure of: one file, whose measure is known."""
    if not isinstance(value, tuple) or not isinstance(found := getattr(value[0], measure), int):
        raise TypeError(f"pricing by {measure}: the inputs were not checked against the model")
    return found


def _rounded(credits_: Decimal) -> int:
    return int((credits_ * MILLI / STEP).to_integral_value(ROUND_CEILING)) * STEP
