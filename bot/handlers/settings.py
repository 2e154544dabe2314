"""/settings: the language, by a button."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, get_args

from telegram import Update

from bot import accounts, texts, turn
from bot.accounts import Language
from bot.handlers import dialog as dialogs
from bot.handlers.dialog import View
from bot.handlers.speaker import Context, Speaker, speaker
from bot.handlers.taps import Tap
from bot.links import Link, data

LANGUAGE: Final = "lang"
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)


async def settings(update: Update, _context: Context) -> None:
    """Show the settings; what was begun stays begun."""
    if (who := await speaker(update)) is not None:
        await dialogs.show(await dialogs.find(who.chat_id, who.user.id), _view(who), in_place=False)


async def language(tap: Tap) -> str | None:
    """Speak the language of the button from now on."""
    chosen = next((each for each in LANGUAGES if each == tap.argument(0)), None)
    if chosen is None:
        return tap.who.phrases.toast_old_button
    await accounts.choose_language(turn.current().connection, tap.who.user.id, chosen)
    who = replace(tap.who, user=replace(tap.who.user, language=chosen))
    await tap.show(_view(who), tap.dialog)
    return None


def _view(who: Speaker) -> View:
    phrases = who.phrases
    row = []
    for each in LANGUAGES:
        name = texts.of(each).account.language
        label = phrases.chosen.format(choice=name) if each == who.user.language else name
        row.append((label, data(Link(who.user.id, LANGUAGE, (each,)))))
    return View(texts.fill(phrases.account.settings, language=phrases.account.language), [row])
