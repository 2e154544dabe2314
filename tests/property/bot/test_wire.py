"""Inputs on their way: kept and read back as they were, and told to the provider in its own form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.catalogue import (
    Choice,
    File,
    Flag,
    InputProblem,
    Integer,
    Media,
    Medium,
    Model,
    Number,
    Text,
    Value,
    check,
    load,
)
from bot.generation import store, wire

CATALOGUE = load()
MODELS = st.sampled_from(sorted(CATALOGUE.models.values(), key=lambda model: model.id))
IDS = st.text(min_size=1, max_size=20)
MAYBE = st.none() | st.integers(min_value=1, max_value=2_000)
FILES = st.builds(
    File,
    file_id=IDS,
    media=st.sampled_from(get_args(Medium)),
    size=MAYBE,
    mime=st.none() | st.text(max_size=20),
    seconds=MAYBE,
    width=MAYBE,
    height=MAYBE,
)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000)
VALUES = st.text(max_size=30) | st.integers() | st.booleans() | DECIMALS | st.lists(FILES, max_size=3).map(tuple)


def _of(name: str, rule: Any) -> st.SearchStrategy[Value]:
    match rule:
        case Text():
            return st.text(alphabet="abcé", min_size=rule.min_length, max_size=min(rule.max_length, 30)).filter(
                str.strip
            )
        case Choice():
            return st.sampled_from(rule.enum)
        case Flag():
            return st.booleans()
        case Integer():
            return st.integers(min_value=rule.min, max_value=rule.max)
        case Number():
            return st.decimals(min_value=rule.min, max_value=rule.max, places=2)
        case Media():
            file = st.builds(
                File, IDS, st.just(rule.media), st.just(1), st.just(rule.mimes[0]), st.just(5), *[st.just(512)] * 2
            )
            return st.lists(file, min_size=rule.min_count, max_size=rule.max_count).map(tuple)
    raise AssertionError(name)


@st.composite
def orders(draw: st.DrawFn) -> tuple[Model, Mapping[str, Value]]:
    """Return a model on sale with inputs that it takes."""
    model = draw(MODELS)
    wanted = [name for name, rule in model.inputs.items() if rule.required or draw(st.booleans())]
    try:
        return model, check(model, {name: draw(_of(name, model.inputs[name])) for name in wanted})
    except InputProblem as problem:
        # Each choice by itself is sold; some do not go together.
        assume(problem.reason != "not_sold")
        raise


@given(st.dictionaries(st.text(min_size=1, max_size=10), VALUES, max_size=5))
def test_inputs_are_read_back_as_they_were_kept(inputs: dict[str, Value]) -> None:
    """Files, decimals and any text, and lists are files and nothing else: by that the database counts them."""
    kept = store.dump(inputs)
    assert store.load(kept) == inputs
    assert kept.isascii()
    lists = {name for name, each in json.loads(kept).items() if isinstance(each, list)}
    assert lists == {name for name, value in inputs.items() if isinstance(value, tuple)}


@given(orders())
def test_every_input_of_every_model_reaches_the_wire_in_its_form(given_: tuple[Model, Mapping[str, Value]]) -> None:
    """Its own names, its fixed inputs as they are, files as addresses (one, or a list), numbers as numbers."""
    model, inputs = given_
    uploads = {file.file_id: f"https://files/{number}" for number, (_, file) in enumerate(wire.files(inputs))}
    order = wire.order(model, inputs, uploads, "https://us/1")
    assert (order.model_id, order.callback_url) == (model.wire_model, "https://us/1")
    assert set(order.inputs) == set(inputs) | set(model.fixed)
    for name, value in inputs.items():
        rule, sent = model.inputs[name], order.inputs[name]
        if isinstance(value, tuple):
            assert isinstance(rule, Media)
            addresses = [uploads[file.file_id] for file in value]
            assert sent == (addresses if rule.many else addresses[0])
        elif isinstance(rule, Choice) and rule.wire == "integer":
            assert (type(sent), str(sent)) == (int, value)
        elif isinstance(value, Decimal):
            assert Decimal(str(sent)) == value
            assert isinstance(sent, int) == (value == value.to_integral_value())
        else:
            assert sent == value
            assert type(sent) is type(value)
    for name, value in model.fixed.items():
        assert order.inputs[name] == value


@given(orders())
def test_nothing_is_ordered_while_a_file_is_missing(given_: tuple[Model, Mapping[str, Value]]) -> None:
    """The rule itself refuses, whoever calls it."""
    model, inputs = given_
    files = wire.files(inputs)
    assert len({file.file_id for _, file in files}) == len(files)
    if files:
        with pytest.raises(LookupError):
            wire.order(model, inputs, {file.file_id: "https://files/1" for _, file in files[1:]}, None)
