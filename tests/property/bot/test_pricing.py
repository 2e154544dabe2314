"""Prices, for any credits the provider may take and for every model that is sold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import pricing
from bot.catalogue import Choice, File, Flag, Flat, Integer, Media, Model, Number, Table, Text, Value, load
from bot.catalogue.inputs import InputProblem, check
from bot.catalogue.price import Metered, inputs_of, rate_of

CATALOGUE = load()
MODEL = CATALOGUE.models["z-image"]
CREDITS = st.decimals(min_value=Decimal("0.0001"), max_value=Decimal(2000), places=4)
SOLD = pytest.mark.parametrize("model", list(CATALOGUE), ids=lambda model: model.id)
METERED = [
    model
    for model in CATALOGUE
    if isinstance(model.price, Metered) and not isinstance(model.inputs[model.price.of], Choice)
]


def at(credits_: Decimal) -> Model:
    return MODEL.model_copy(update={"price": Flat(rule="flat", credits=credits_)})


@given(CREDITS)
def test_a_price_covers_the_cost_by_less_than_a_tenth_of_a_credit(credits_: Decimal) -> None:
    """Rounded up to a multiple of 100 milli-credits, and no further."""
    price = pricing.price(at(credits_), {})
    assert price % 100 == 0
    assert 0 <= price - credits_ * 1000 < 100


@given(CREDITS, CREDITS)
def test_a_dearer_task_never_costs_less(one: Decimal, other: Decimal) -> None:
    """Rounding keeps the order."""
    prices = [pricing.price(at(each), {}) for each in sorted((one, other))]
    assert prices == sorted(prices)


def amount(model: Model, size: int) -> Value:
    """Return a metered input of this size: seconds, characters or pixels."""
    assert isinstance(model.price, Metered)
    match model.inputs[model.price.of]:
        case Text():
            return "x" * size
        case Media(media=media) if model.price.unit == "megapixel":
            return (File("file", media, width=size, height=1),)
        case Media(media=media):
            return (File("file", media, seconds=size),)
        case _:
            return size


def largest(model: Model) -> int:
    assert isinstance(model.price, Metered)
    match model.inputs[model.price.of]:
        case Text(max_length=most):
            return most
        case Media(max_seconds=int() as most):
            return most
        case Media(max_megapixels=int() as most):
            return most * 1024 * 1024
        case Integer(max=most):
            return most
        case other:
            raise AssertionError(other)


def choices(model: Model) -> Iterator[Mapping[str, Value]]:
    """Yield every combination of the choices and flags that the price depends on."""
    by = [name for name in inputs_of(model.price) if isinstance(model.inputs[name], Choice | Flag)]
    rules = [model.inputs[name] for name in by]
    values: list[tuple[Value, ...]] = [rule.enum if isinstance(rule, Choice) else (False, True) for rule in rules]
    for combination in product(*values):
        yield dict(zip(by, combination, strict=True))


def is_refused(model: Model, combination: Mapping[str, Value]) -> bool:
    """Tell whether the entry itself lists the combination as not sold."""
    rate = rate_of(model.price)
    return isinstance(rate, Table) and rate.key(combination) in rate.not_sold


def complete(model: Model, given_: Mapping[str, Value]) -> dict[str, object]:
    """Return inputs that lack nothing."""
    found: dict[str, object] = {}
    for name, rule in model.inputs.items():
        if isinstance(rule, Text) and rule.required:
            found[name] = "x" * max(rule.min_length, 1)
        elif isinstance(rule, Media) and rule.required:
            found[name] = (File("file", rule.media, seconds=1, width=8, height=8),) * rule.min_count
    return {**found, **given_}


@SOLD
def test_every_combination_of_choices_has_a_price_or_is_refused(model: Model) -> None:
    """Nothing in between: no combination is free, none fails later than before the hold; refused means not sold."""
    offer, most = pricing.offer(model), pricing.highest(model)
    for combination in choices(model):
        if is_refused(model, combination):
            with pytest.raises(InputProblem, match="not_sold"):
                check(model, complete(model, combination))
            continue
        price = pricing.price(model, check(model, complete(model, combination)))
        assert 0 < offer.least <= price <= most
        assert price % 100 == 0
        if offer.unit is None:
            assert offer.lowest <= price <= offer.highest


@SOLD
def test_the_defaults_alone_make_an_order(model: Model) -> None:
    """Who gives only what is required gets a price, and no input is taken that the wire would not know the form of."""
    inputs = check(model, complete(model, {}))
    assert pricing.price(model, inputs) > 0
    for name, value in inputs.items():
        rule = model.inputs[name]
        assert isinstance(value, tuple) == isinstance(rule, Media)
        assert isinstance(value, bool) == isinstance(rule, Flag)
        assert not isinstance(value, Decimal) or isinstance(rule, Number)


@pytest.mark.parametrize("model", METERED, ids=lambda model: model.id)
@given(data=st.data())
def test_more_of_what_is_metered_never_costs_less(model: Model, data: st.DataObject) -> None:
    """Seconds, minutes, megapixels and characters: monotone for every combination of the other choices, and bounded."""
    assert isinstance(model.price, Metered)
    sizes = st.integers(1, largest(model))
    small, large = sorted((data.draw(sizes), data.draw(sizes)))
    for combination in choices(model):
        costs = [
            pricing.price(model, check(model, complete(model, {**combination, model.price.of: amount(model, size)})))
            for size in (small, large)
        ]
        assert 0 < costs[0] <= costs[1] <= pricing.highest(model)


@given(st.integers(1, 5000))
def test_characters_are_paid_for_exactly_and_seconds_when_they_have_started(count: int) -> None:
    """6 credits a thousand characters are 0.006 each; of seconds, minutes and megapixels a started one counts whole."""
    speech = CATALOGUE.models["elevenlabs/text-to-speech-turbo-2-5"]
    assert pricing.provider_credits(speech, {"text": "я" * count}) == Decimal("0.006") * count
    notes = CATALOGUE.models["elevenlabs/speech-to-text"]
    recording = (File("voice", "audio", seconds=count),)
    assert pricing.provider_credits(notes, {"audio_url": recording}) == Decimal("3.5") * -(-count // 60)


def test_what_is_short_is_paid_for_as_the_minimum() -> None:
    """A started second, or more where a model has a minimum."""
    model = CATALOGUE.models["kling/v1-avatar-standard"]
    nothing = {"audio_url": (File("voice", "audio", seconds=1),)}
    assert pricing.price(model, nothing) == 8_000
    assert isinstance(model.price, Metered)
    dearer = model.model_copy(update={"price": model.price.model_copy(update={"minimum": 3})})
    assert pricing.price(dearer, nothing) == 24_000


def test_inputs_that_were_not_checked_have_no_price() -> None:
    """A file without a measure is an error of ours there, never a price."""
    model = CATALOGUE.models["kling/v1-avatar-standard"]
    with pytest.raises(TypeError, match="not checked"):
        pricing.price(model, {"audio_url": (File("document", "audio"),)})
