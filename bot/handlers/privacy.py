"""/privacy and /terms, and the button that has everything forgotten.

privacy ──delete──▶ sure? ──yes──▶ erased, or not while something is being made
                      └────no───▶ nothing
"""

from __future__ import annotations

from telegram import Update

from bot import turn
from bot.erasure import erase
from bot.handlers import dialog as dialogs
from bot.handlers.banned import ERASE
from bot.handlers.dialog import Dialog, View
from bot.handlers.speaker import Context, speaker
from bot.handlers.taps import Tap
from bot.links import Link, data

ASK, YES, NO = "ask", "yes", "no"


async def privacy(update: Update, _context: Context) -> None:
    """Tell what is kept, and offer to delete it."""
    if (who := await speaker(update)) is not None:
        account = who.phrases.account
        keyboard = [[(account.button_erase, data(Link(who.user.id, ERASE, (ASK,))))]]
        dialog = await dialogs.find(who.chat_id, who.user.id)
        await dialogs.show(dialog, View(account.privacy, keyboard), in_place=False)


async def terms(update: Update, _context: Context) -> None:
    """Tell the rules."""
    if (who := await speaker(update)) is not None:
        await who.tell(who.phrases.account.terms)


async def erasing(tap: Tap) -> str | None:
    """Ask whether it is meant, and then do it."""
    account, owner, dialog = tap.who.phrases.account, tap.who.user.id, tap.dialog
    match tap.argument(0):
        case "ask":
            keyboard = [
                [(account.button_erase_no, data(Link(owner, ERASE, (NO,))))],
                [(account.button_erase_yes, data(Link(owner, ERASE, (YES,))))],
            ]
            await tap.show(View(account.erase_sure, keyboard), dialog)
        case "yes" if await erase(turn.current().connection, owner):
            # What was begun is forgotten as well.
            await tap.show(View(account.erased), Dialog(dialog.chat_id, owner, message=dialog.message))
        case "yes":
            await tap.show(View(account.erase_later), dialog)
        case "no":
            await tap.show(View(account.not_erased), dialog)
        case _:
            return tap.who.phrases.toast_old_button
    return None
