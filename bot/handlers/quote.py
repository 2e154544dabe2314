"""The message that asks for a confirmation: what was said, the model, the exact price, the balance, and the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot import free, pricing, texts
from bot.catalogue import Choice, InputProblem, Media, Model, Text, Value, check
from bot.codes import code
from bot.effects import Keyboard
from bot.handlers import questions
from bot.handlers.answers import on_button
from bot.handlers.buttons import Button, data
from bot.handlers.questions import Question, Row
from bot.texts import Phrases, labels

INLINE: Final = 10
"""So many choices stand in the message itself, when there is nothing else to choose."""
SETTINGS_IN_A_ROW: Final = 2


@dataclass(frozen=True, slots=True)
class Quote:
    """What would be made, at which price, for somebody who has so many milli-credits.

    `left`: as many are free today, at the model's lowest price.
    """

    model: Model
    inputs: Mapping[str, Value]
    price: int
    available: int
    left: int = 0

    def values(self, phrases: Phrases) -> dict[str, str]:
        """Return what the phrases about a quote are filled with."""
        return {
            "prompt": _asked_for(phrases, self),
            "model": labels.title(phrases, self.model),
            "price": _cost(phrases, self),
            "balance": phrases.credits(self.available),
        }

    @property
    def settings(self) -> Sequence[str]:
        """The inputs that can be changed here: all but the words and files that were asked for."""
        return [
            name
            for name, rule in self.model.inputs.items()
            if not (isinstance(rule, Text | Media) and rule.required and rule.default is None)
        ]

    @property
    def inline(self) -> str | None:
        """The one input whose choices all stand in the message."""
        match self.settings:
            case [name]:
                rule = self.model.inputs[name]
                return name if isinstance(rule, Choice) and len(rule.enum) <= INLINE else None
            case _:
                return None


def ask(phrases: Phrases, template: str, quote: Quote, generation_id: int) -> tuple[str, Keyboard]:
    """Return the text and the buttons: the settings with their present values, generate, cancel, another model."""
    rows: list[Row] = []
    if quote.inline is not None:
        question = Question(quote.model, quote.inline, quote.inputs)
        rows += [*questions.keyboard(phrases, question, Change(phrases, quote.model, generation_id, has_back=False))]
    else:
        rows += _settings(phrases, quote, generation_id)
    rows.append(
        [
            (phrases.button_generate, data(Button("go", generation_id, value=str(quote.price)))),
            (phrases.button_cancel, data(Button("no", generation_id))),
        ]
    )
    rows.append([(phrases.cards.button_other, data(Button("other", generation_id)))])
    return texts.fill(template, **quote.values(phrases)), rows


def confirm(phrases: Phrases, quote: Quote) -> str:
    """Return the phrase that asks for the confirmation of this quote."""
    if quote.available < quote.price:
        return phrases.not_enough
    return phrases.confirm if quote.settings else phrases.confirm_plain


@dataclass(frozen=True, slots=True)
class Change:
    """The buttons of a question that changes a quote."""

    phrases: Phrases
    model: Model
    generation_id: int
    has_back: bool = True

    def value(self, name: str, given: Value) -> str:
        """Return the data of a button that sets this value."""
        return data(Button("set", self.generation_id, code(name), on_button(given)))

    def last(self, name: str, given: Value | None) -> Sequence[Row]:
        """Return the way back, and back to the model's own choice where there is one."""
        if not self.has_back:
            return []
        row = [(self.phrases.inputs.button_back, data(Button("back", self.generation_id)))]
        rule = self.model.inputs[name]
        if given is not None and given != rule.default and not rule.required:
            row.append((self.phrases.inputs.button_default, data(Button("clear", self.generation_id, code(name)))))
        return [row]


def change(phrases: Phrases, quote: Quote, name: str, generation_id: int) -> tuple[str, Keyboard]:
    """Return the question that changes one input of a quote; each choice with its price, where that makes a difference."""
    question = Question(quote.model, name, {name: quote.inputs[name]} if name in quote.inputs else {})
    rows = questions.keyboard(phrases, question, Change(phrases, quote.model, generation_id))
    return questions.text(phrases, question), _priced(phrases, quote, name, rows)


def _priced(phrases: Phrases, quote: Quote, name: str, rows: Keyboard) -> Keyboard:
    values = questions.offered(quote.model.inputs[name])
    prices = [_price(quote, name, value) for value in values]
    if len(set(prices)) < 2:  # noqa: PLR2004 - all the same
        return rows
    buttons = [button for row in rows for button in row]
    priced = [
        (f"{label} · {_short(phrases, quote, price)}", pressed)
        for (label, pressed), price in zip(buttons, prices, strict=False)
    ]
    longest = max(len(label) for label, _ in priced)
    return [*questions.rows(priced, longest), *([buttons[len(values) :]] if buttons[len(values) :] else [])]


def _short(phrases: Phrases, quote: Quote, price: int | None) -> str:
    if price is None:
        return "–"
    return phrases.account.free if quote.left and free.may_be(quote.model, price) else phrases.cards.number(price)


def _price(quote: Quote, name: str, value: Value) -> int | None:
    try:
        return pricing.price(quote.model, check(quote.model, {**quote.inputs, name: value}))
    except InputProblem:
        return None


def _settings(phrases: Phrases, quote: Quote, generation_id: int) -> list[Row]:
    buttons = []
    for name in quote.settings:
        given = quote.inputs.get(name)
        shown = phrases.inputs.unset if given is None else labels.value(phrases, name, given)
        label = phrases.inputs.setting.format(field=labels.field(phrases, name), value=shown)
        buttons.append((label, data(Button("ask", generation_id, code(name)))))
    return [buttons[first : first + SETTINGS_IN_A_ROW] for first in range(0, len(buttons), SETTINGS_IN_A_ROW)]


def _cost(phrases: Phrases, quote: Quote) -> str:
    if quote.price and quote.left and not free.may_be(quote.model, quote.price):
        return phrases.account.free_cheapest.format(price=phrases.credits(quote.price))
    if quote.price:
        return phrases.credits(quote.price)
    return phrases.account.free_left.format(left=quote.left) if quote.left else phrases.account.free


def _asked_for(phrases: Phrases, quote: Quote) -> str:
    """Return the user's words, and below them which files go with them."""
    files = [
        f"{labels.field(phrases, name)}: {labels.value(phrases, name, quote.inputs[name])}"
        for name in quote.model.media
        if name in quote.inputs
    ]
    said = quote.inputs.get(quote.model.words or "")
    return "\n".join([labels.words(phrases, quote.model, quote.inputs), *files] if said else files)
