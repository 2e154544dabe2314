"""/models: the categories, and the models of each, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from telegram import Update

from bot import accounts, texts, turn
from bot.afterwards import CARD, CATEGORY, MENU
from bot.catalogue import CATEGORIES, Category, Model
from bot.codes import MODEL_BYTES, code
from bot.handlers import dialog
from bot.handlers.bargain import BEST
from bot.handlers.dialog import View
from bot.handlers.shelf import Shelf
from bot.handlers.speaker import Context, Speaker, speaker
from bot.handlers.taps import Tap
from bot.links import Link, data
from bot.pricing import Offer
from bot.routing import ALIKE
from bot.texts import Phrases, labels

PAGE: Final = 8
"""Models on a page: one a row, so that a name and a price fit."""
WHOLE: Final = 100
"""Per cent."""


@dataclass(frozen=True, slots=True)
class Menu:
    """Shows what is on the shelf; `more` are buttons of other features below it: (action, its label)."""

    shelf: Shelf

    async def models(self, update: Update, _context: Context) -> None:
        """Answer /models."""
        if (who := await speaker(update)) is not None:
            await self.open(who)

    async def open(self, who: Speaker, template: str | None = None) -> None:
        """Send the menu, with its own words above it or others."""
        where = await dialog.find(who.chat_id, who.user.id)
        await dialog.show(
            where.aside() if template is None else where.nowhere(), await self.view(who, template), in_place=False
        )

    async def menu(self, tap: Tap) -> str | None:
        """Show the menu where its button was."""
        await tap.show(await self.view(tap.who), tap.dialog.aside())
        return None

    async def category(self, tap: Tap) -> str | None:
        """Show a page of a category."""
        category = next((each for each in CATEGORIES if each == tap.argument(0)), None)
        menu = Menu(await self.shelf.on_sale())
        if category is None or not menu.shelf.of(category):
            return tap.who.phrases.toast_old_button
        number = tap.argument(1)
        page = int(number) if number.isascii() and number.isdigit() and len(number) <= len("99") else 0
        await tap.show(menu.page(tap.who, category, page), tap.dialog.aside())
        return None

    async def view(self, who: Speaker, template: str | None = None) -> View:
        """Return the categories with the least that something costs in each."""
        phrases, has = who.phrases, await accounts.balance(turn.current().connection, who.user.id)
        rows, shelf = [], await self.shelf.on_sale()
        for category in shelf.categories:
            least = min(shelf.offers[model.id].least for model in shelf.of(category))
            price = phrases.cards.from_price.format(price=phrases.cards.number(least))
            label = phrases.cards.button_category.format(category=phrases.cards.categories[category], price=price)
            rows.append([(label, data(Link(who.user.id, CATEGORY, (category, "0"))))])
        text = texts.fill(template or phrases.cards.menu, balance=phrases.credits(has.available))
        return View(text, rows)

    def page(self, who: Speaker, category: Category, page: int) -> View:
        """Return one page of a category: each model with its price, and its success once that is measured."""
        phrases, models = who.phrases, self.shelf.of(category)
        pages = -(-len(models) // PAGE)
        page = min(page, pages - 1)
        rows = [
            [(self._label(phrases, model), data(Link(who.user.id, CARD, (code(model.id, MODEL_BYTES),))))]
            for model in models[page * PAGE : (page + 1) * PAGE]
        ]
        turns = [(phrases.cards.button_earlier, page - 1)] if page else []
        turns += [(phrases.cards.button_later, page + 1)] if page + 1 < pages else []
        if turns:
            rows.append([(label, data(Link(who.user.id, CATEGORY, (category, str(to))))) for label, to in turns])
        if sum(model.kind in ALIKE.get(category, ()) for model in models) > 1:
            rows.append([(phrases.cards.button_best_price, data(Link(who.user.id, BEST, (category,))))])
        rows.append([(phrases.cards.button_back, data(Link(who.user.id, MENU)))])
        text = texts.fill(
            phrases.cards.category,
            category=phrases.cards.categories[category],
            hint=phrases.cards.category_hints[category],
            measured=phrases.cards.measured if self._is_measured(models) else "",
        )
        if pages > 1:
            text += "\n" + texts.fill(phrases.cards.page, page=str(page + 1), pages=str(pages))
        return View(text, rows)

    def _is_measured(self, models: Sequence[Model]) -> bool:
        return any(self.shelf.health_of(model.id).success is not None for model in models)

    def _label(self, phrases: Phrases, model: Model) -> str:
        health, price = self.shelf.health_of(model.id), short_price(phrases, self.shelf.offers[model.id])
        name = labels.title(phrases, model)
        if health.success is None:
            return phrases.cards.button_model.format(model=name, price=price)
        success = str(int(health.success * WHOLE))
        return phrases.cards.button_model_measured.format(model=name, price=price, success=success)


def short_price(phrases: Phrases, found: Offer) -> str:
    """Return a price that fits a button: "0.8", "from 55", "12/s"."""
    cards = phrases.cards
    price = cards.number(found.lowest)
    if found.unit is not None:
        price = cards.short_units[found.unit].format(price=price)
    return price if found.lowest == found.highest else cards.from_price.format(price=price)
