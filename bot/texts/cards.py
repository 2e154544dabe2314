"""The phrases of the menu and of the models' cards: a type, so that a missing one is found before anybody reads it.

Buttons and toasts are plain; everything else is HTML with `{names}` to fill in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.catalogue import Category
from bot.catalogue.price import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPhrases:
    """What the menu and a card say; `number` writes an amount of milli-credits without its noun."""

    number: Callable[[int], str]

    menu: str
    categories: Mapping[Category, str]
    category_hints: Mapping[Category, str]
    button_category: str
    category: str
    measured: str
    page: str
    button_model: str
    button_model_measured: str
    from_price: str
    units: Mapping[Unit, str]
    short_units: Mapping[Unit, str]

    card: str
    price_exact: str
    price_range: str
    price_unit: str
    price_unit_range: str
    usual_time: str
    seconds: str
    minutes: str
    success: str
    needs: str

    button_menu: str
    button_create: str
    button_back: str
    button_earlier: str
    button_later: str
    button_repeat: str
    button_again: str

    button_other: str
    button_best_price: str
    best_price: str
    best_price_asks: Mapping[Category, str]

    which_model: str
    nothing_to_cancel: str
    cancelled: str

    toast_gone: str
    toast_files_gone: str
