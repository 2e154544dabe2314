"""Every screen of every model on sale, in both languages: it can be shown, read, and pressed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import get_args

import pytest

from bot import texts
from bot.afterwards import keyboard
from bot.catalogue import (
    CATEGORIES,
    AnyInput,
    Choice,
    File,
    Flag,
    InputProblem,
    Integer,
    Media,
    Model,
    Number,
    Text,
    Value,
    check,
    load,
)
from bot.catalogue.inputs import Reason
from bot.effects import Keyboard
from bot.handlers import questions
from bot.handlers.answers import on_button, pressed
from bot.handlers.asking import Buttons
from bot.handlers.buttons import parse
from bot.handlers.card import price
from bot.handlers.problems import explain, refusal
from bot.handlers.questions import Question
from bot.handlers.quote import Quote, ask, change, confirm
from bot.handlers.shelf import Shelf, stocked
from bot.links import parse as parse_link
from bot.texts import Phrases, labels

OWNER = 2**53
LARGEST = 10**18 - 1
SHELF = stocked(load())
BOTH = pytest.mark.parametrize("phrases", [texts.of("en"), texts.of("ru")], ids=["en", "ru"])
EACH = pytest.mark.parametrize("model", list(SHELF.catalogue), ids=lambda model: model.id)


def given(rule: AnyInput) -> Value:
    """Return something that the rule takes."""
    match rule:
        case Text():
            return "x" * rule.max_length
        case Choice():
            return rule.enum[-1]
        case Flag():
            return True
        case Integer() | Number():
            return rule.max
        case Media():
            one = File("f", rule.media, 5, rule.mimes[0], rule.max_seconds and 1, 64, 64)
            return (one,) * rule.max_count


def complete(model: Model) -> dict[str, Value]:
    """Return inputs that are sold together."""
    asked = {name: given(rule) for name, rule in model.inputs.items() if rule.required and rule.default is None}
    try:
        return check(model, asked)
    except InputProblem as problem:
        sold = problem.limit
    assert isinstance(sold, tuple), f"{model.id} does not take what its rules say"
    name = next(each for each in reversed(list(model.inputs)) if given_choice(model, each, sold[0]))
    return check(model, {**asked, name: sold[0]})


def given_choice(model: Model, name: str, value: object) -> bool:
    """Whether the value is one of the input's choices."""
    rule = model.inputs[name]
    return isinstance(rule, Choice) and value in rule.enum


def data_of(rows: Keyboard) -> Iterator[str]:
    """Yield what the buttons carry; their labels fit a phone, and there are no more than Telegram takes."""
    assert sum(map(len, rows)) <= 100
    for row in rows:
        assert row
        for label, data in row:
            assert 0 < len(label) <= 64
            assert label == label.strip()
            assert len(data.encode()) <= 64
            yield data


@BOTH
@EACH
def test_a_model_can_be_asked_for_quoted_and_changed(phrases: Phrases, model: Model) -> None:
    """Each input has a question whose buttons read back; the quote and each change of it fit a message."""
    inputs = complete(model)
    quote = Quote(model, inputs, 10**9, 10**9)
    for name, rule in model.inputs.items():
        question = Question(model, name, inputs, "", in_group=True)
        assert labels.field(phrases, name) in texts_of(questions.text(phrases, question))
        for data in data_of(questions.keyboard(phrases, question, Buttons(phrases, OWNER, model))):
            link = parse_link(data)
            assert link is not None
            assert SHELF.find(link.arguments[0]) is model if link.arguments else link.action == "stop"
        for value in questions.offered(rule):
            assert pressed(model, name, on_button(value)) == value
        text, rows = change(phrases, quote, name, LARGEST)
        assert len(text) < 4096
        assert all(parse(data) for data in data_of(rows))
    text, rows = ask(phrases, confirm(phrases, quote), quote, LARGEST)
    assert len(text) < 4096
    assert all(parse(data) for data in data_of(rows))
    assert all(parse_link(data) for data in data_of(keyboard(phrases, OWNER, LARGEST, model.id)))


def texts_of(html: str) -> str:
    """Return the text with what HTML must escape as it was."""
    return html.replace("&amp;", "&").replace("&lt;", "<")


@BOTH
@EACH
def test_everything_a_model_is_called_has_a_name(phrases: Phrases, model: Model) -> None:
    """Its title, what it does, each input, and each choice that is a word of the wire."""
    assert labels.title(phrases, model)
    assert labels.about(phrases, model)
    assert labels.needed(phrases, model)
    for name in model.inputs:
        assert name in phrases.inputs.fields, f"{name}: add it to en_names.py and ru_names.py"


@BOTH
@EACH
def test_a_price_is_told_before_the_inputs_are_known(phrases: Phrases, model: Model) -> None:
    """And what one generation costs at the least is never nothing."""
    offer = SHELF.offers[model.id]
    assert 0 < offer.lowest <= offer.highest
    assert offer.least > 0
    assert phrases.cards.number(offer.highest) in price(phrases, SHELF, model)


@BOTH
@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_problem_of_every_input_has_words(phrases: Phrases, reason: Reason) -> None:
    """Whatever was found, wherever; the field is named."""
    for model in SHELF.catalogue:
        for name in model.inputs:
            for found, limit in ((7, 3), ("x", ("a", "b")), ("image", "audio"), (Decimal("1.5"), (0, 1)), (None, None)):
                problem = InputProblem(name, reason, found=found, limit=limit)
                assert labels.field(phrases, name) in texts_of(explain(phrases, model, problem))
                assert len(refusal(phrases, problem)) <= 200


def test_the_categories_hold_all_models_cheapest_first() -> None:
    """Nothing on sale is out of reach of the menu."""
    shown = [model.id for category in CATEGORIES for model in SHELF.of(category)]
    assert sorted(shown) == sorted(SHELF.catalogue.models)
    for category in SHELF.categories:
        prices = [SHELF.offers[model.id].least for model in SHELF.of(category)]
        assert prices == sorted(prices)


def test_two_models_never_share_a_code() -> None:
    """A shelf on which a button could mean either is refused."""
    assert isinstance(SHELF, Shelf)
    assert all(SHELF.find(code) is None for code in ("", "~", "gone", "~0000000"))
