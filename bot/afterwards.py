"""The buttons under a result: the same once more, the same model with something else, all models."""

from __future__ import annotations

from bot.codes import MODEL_BYTES, code
from bot.effects import Keyboard
from bot.links import Link, data
from bot.texts import Phrases

REPEAT = "repeat"
CARD = "card"
CATEGORY = "kind"
MENU = "menu"


def keyboard(phrases: Phrases, user_id: int, generation_id: int, model_id: str) -> Keyboard:
    """Return the buttons of the one who asked for it."""
    cards = phrases.cards
    return [
        [
            (cards.button_repeat, data(Link(user_id, REPEAT, (str(generation_id),)))),
            (cards.button_again, data(Link(user_id, CARD, (code(model_id, MODEL_BYTES),)))),
        ],
        [menu_button(phrases, user_id)],
    ]


def menu_button(phrases: Phrases, user_id: int) -> tuple[str, str]:
    """Return the button that leads to all models."""
    return phrases.cards.button_menu, data(Link(user_id, MENU))
