"""The message that asks for a confirmation: the words, the model, the exact price, the balance, and the choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot import texts
from bot.catalogue import Model, Value
from bot.effects import Keyboard
from bot.generation.progress import words
from bot.handlers.buttons import Button, data
from bot.texts import Phrases

LONGEST_ROW = 5
"""Choices side by side; more do not fit a phone."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What would be made, at which price, for somebody who has so many milli-credits."""

    model: Model
    inputs: Mapping[str, Value]
    price: int
    available: int

    def values(self, phrases: Phrases) -> dict[str, str]:
        """Return what the phrases about a quote are filled with."""
        return {
            "prompt": words(self.inputs),
            "model": self.model.title.ru if phrases is texts.of("ru") else self.model.title.en,
            "price": phrases.credits(self.price),
            "balance": phrases.credits(self.available),
        }


def ask(phrases: Phrases, template: str, quote: Quote, generation_id: int) -> tuple[str, Keyboard]:
    """Return the text and the buttons: every choice of the model with the chosen one marked, generate, cancel."""
    rows: list[list[tuple[str, str]]] = []
    for field, choice in quote.model.choices.items():
        buttons = [
            (
                phrases.chosen.format(choice=value) if quote.inputs.get(field) == value else value,
                data(Button("set", generation_id, field, value)),
            )
            for value in choice.enum
        ]
        rows += [buttons[first : first + LONGEST_ROW] for first in range(0, len(buttons), LONGEST_ROW)]
    rows.append(
        [
            (phrases.button_generate, data(Button("go", generation_id))),
            (phrases.button_cancel, data(Button("no", generation_id))),
        ]
    )
    return texts.fill(template, **quote.values(phrases)), rows
