"""What the bot says, in Russian and English: the same phrases in each, filled in so that nothing of a user is markup."""

from __future__ import annotations

import html

from bot.accounts import Language
from bot.texts.en import EN
from bot.texts.phrases import Phrases
from bot.texts.ru import RU

__all__ = ["Phrases", "fill", "language_of", "of"]


def of(language: Language) -> Phrases:
    """Return the phrases of the language."""
    return RU if language == "ru" else EN


def language_of(code: str | None) -> Language:
    """Return the language for what Telegram says of a user's: Russian for Russian, English for all others."""
    return "ru" if (code or "").lower().partition("-")[0] == "ru" else "en"


def fill(template: str, **values: str) -> str:
    """Return the phrase as HTML; the values are text and stay text."""
    return template.format_map({name: html.escape(value, quote=False) for name, value in values.items()})
