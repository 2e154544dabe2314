"""Users who were turned away: one kind sentence, and nothing else but what they may still ask for."""

from __future__ import annotations

from typing import Final

from telegram import Update

from bot import turn
from bot.links import parse
from bot.texts import Phrases

ERASE: Final = "erase"
COMMANDS: Final = frozenset({"/paysupport", "/privacy", "/terms"})
ACTIONS: Final = frozenset({ERASE})
"""Whoever is turned away still has rights: to ask about payments, and to be forgotten."""


def may(update: Update) -> bool:
    """Whether this is something that everybody may ask for."""
    if update.callback_query is not None:
        link = parse(update.callback_query.data)
        return link is not None and link.action in ACTIONS
    message = update.effective_message
    words = (message.text or "" if message else "").split(maxsplit=1)
    return bool(words) and words[0].partition("@")[0].lower() in COMMANDS


async def turn_away(update: Update, phrases: Phrases, chat_id: int) -> None:
    """Say it, in the user's own chat or over the button; a group is not told."""
    effects = turn.current().effects
    if update.callback_query is not None:
        await effects.answer_callback(chat_id, update.callback_query.id, phrases.account.toast_banned)
    elif chat_id > 0:
        await effects.send_text(chat_id, phrases.account.banned)
