"""A model's card: what it does, what it costs, how long it takes, how often it succeeds, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot import accounts, texts, turn
from bot.afterwards import CATEGORY, menu_button
from bot.catalogue import Model
from bot.codes import MODEL_BYTES, code
from bot.handlers.dialog import View
from bot.handlers.menu import WHOLE
from bot.handlers.shelf import Shelf
from bot.handlers.speaker import Speaker
from bot.handlers.taps import Tap
from bot.links import Link, data
from bot.texts import Phrases, labels

BEGIN: Final = "make"
SHORT_SECONDS: Final = 90.0
"""What takes no longer is told in seconds."""


@dataclass(frozen=True, slots=True)
class Card:
    """Shows one model of the shelf."""

    shelf: Shelf

    async def card(self, tap: Tap) -> str | None:
        """Show the card of the button's model where the button was."""
        model = (await self.shelf.on_sale()).find(tap.argument(0))
        if model is None:
            return tap.who.phrases.cards.toast_gone
        await tap.show(await self.view(tap.who, model), tap.dialog.aside())
        return None

    async def view(self, who: Speaker, model: Model) -> View:
        """Return the card."""
        phrases, owner = who.phrases, who.user.id
        has = await accounts.balance(turn.current().connection, owner)
        parts = [
            texts.fill(phrases.cards.card, model=labels.title(phrases, model), about=labels.about(phrases, model)),
            "\n".join(self._facts(phrases, model)),
            texts.fill(phrases.balance, balance=phrases.credits(has.available)),
        ]
        rows = [
            [(phrases.cards.button_create, data(Link(owner, BEGIN, (code(model.id, MODEL_BYTES),))))],
            [
                (phrases.cards.button_back, data(Link(owner, CATEGORY, (model.category, "0")))),
                menu_button(phrases, owner),
            ],
        ]
        return View("\n\n".join(parts), rows)

    def _facts(self, phrases: Phrases, model: Model) -> list[str]:
        health = self.shelf.health_of(model.id)
        facts, settings = [price(phrases, self.shelf, model)], turn.current().settings
        if model.id in settings.free_models and settings.free_daily_limit:
            found = self.shelf.offers[model.id]
            template = (phrases.account.free_daily, phrases.account.free_daily_cheapest)[found.lowest != found.highest]
            facts.append(texts.fill(template, limit=str(settings.free_daily_limit)))
        if health.seconds is not None:
            facts.append(texts.fill(phrases.cards.usual_time, time=duration(phrases, health.seconds)))
        if health.success is not None:
            facts.append(texts.fill(phrases.cards.success, success=str(int(health.success * WHOLE))))
        facts.append(texts.fill(phrases.cards.needs, inputs=labels.needed(phrases, model)))
        return facts


def price(phrases: Phrases, shelf: Shelf, model: Model) -> str:
    """Return what the model may cost, as a line of its card."""
    cards, found = phrases.cards, shelf.offers[model.id]
    templates = cards.price_exact, cards.price_range
    if found.unit is not None:
        templates = cards.price_unit, cards.price_unit_range
    return texts.fill(
        templates[found.lowest != found.highest],
        low=cards.number(found.lowest),
        high=phrases.credits(found.highest),
        unit="" if found.unit is None else cards.units[found.unit],
    )


def duration(phrases: Phrases, seconds: float) -> str:
    """Return a time as people tell it: seconds while there are few, else minutes."""
    cards = phrases.cards
    if seconds <= SHORT_SECONDS:
        return cards.seconds.format(number=max(1, round(seconds)))
    return cards.minutes.format(number=max(1, round(seconds / 60)))
