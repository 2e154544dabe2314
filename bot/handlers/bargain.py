"""The best price of a category: the person says what is wanted, and the cheapest model that is well is quoted.

    page ──best──▶ asked ──words, a photo──▶ quote of the cheapest that can do it, or what is still missing
                     └─ anything else ──▶ asked again

Only where models make the same of the same. The person sees the model with its price, and may take another one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot import texts
from bot.afterwards import CATEGORY
from bot.catalogue import Category
from bot.handlers import dialog as dialogs
from bot.handlers.dialog import Dialog, View
from bot.handlers.speaker import Speaker
from bot.handlers.taps import Tap
from bot.links import Link, data
from bot.routing import ALIKE

BEST: Final = "best"
ROUTED: Final = "best_price"
"""What marks a dialog that waits for the words; its `asked` is the category."""


async def begin(tap: Tap) -> str | None:
    """Ask what is wanted of the button's category."""
    category = next((each for each in ALIKE if each == tap.argument(0)), None)
    if category is None:
        return tap.who.phrases.toast_old_button
    await ask(tap.who, tap.dialog, category, in_place=tap.is_here)
    return None


async def ask(who: Speaker, dialog: Dialog, category: Category, *, in_place: bool) -> None:
    """Ask for the words, or for the photo that they are about."""
    phrases = who.phrases
    text = texts.fill(phrases.cards.best_price, category=phrases.cards.categories[category])
    text += texts.fill(phrases.cards.best_price_asks[category])
    back = (phrases.cards.button_back, data(Link(who.user.id, CATEGORY, (category, "0"))))
    view = View(text if who.is_private else text + phrases.inputs.in_group, [[back]])
    await dialogs.show(replace(dialog.nowhere(), asked=category, routed=ROUTED), view, in_place=in_place)


def wanted(dialog: Dialog) -> Category | None:
    """Return the category whose best price the dialog waits for words about."""
    if dialog.model_id is not None or dialog.routed != ROUTED:
        return None
    return next((each for each in ALIKE if each == dialog.asked), None)
