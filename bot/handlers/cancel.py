"""/cancel, and the button that says so: what is asked or quoted is given up; what is being made goes on."""

from __future__ import annotations

from dataclasses import dataclass

from telegram import Update

from bot import texts, turn
from bot.generation import store
from bot.handlers import dialog as dialogs
from bot.handlers.dialog import Dialog
from bot.handlers.menu import Menu
from bot.handlers.speaker import Context, Speaker, speaker
from bot.handlers.taps import Tap
from bot.sql import sql
from bot.texts import labels


@dataclass(frozen=True, slots=True)
class Cancel:
    """Gives up a dialog."""

    menu: Menu

    async def cancel(self, update: Update, _context: Context) -> None:
        """Answer /cancel."""
        who = await speaker(update)
        if who is None:
            return
        dialog = await dialogs.find(who.chat_id, who.user.id)
        if dialog.model_id is None:
            await who.tell(who.phrases.cards.nothing_to_cancel)
            return
        await _give_up(who, dialog, self.menu)
        await self.menu.open(who, who.phrases.cards.cancelled)

    async def stop(self, tap: Tap) -> str | None:
        """Do what Cancel under a question says."""
        view = await self.menu.view(tap.who, tap.who.phrases.cards.cancelled)
        await tap.show(view, tap.dialog.nowhere())
        return None


async def _give_up(who: Speaker, dialog: Dialog, menu: Menu) -> None:
    """End the dialog's quote, if it has one, and take the buttons from its message."""
    now = turn.current()
    if dialog.generation_id is None:
        return
    found = await store.get(now.connection, dialog.generation_id)
    model = None if found is None else menu.shelf.catalogue.get(found.model_id)
    if found is None or found.state != "quoted" or found.status_outbox_id is None:
        return
    await now.connection.execute(sql("generation_cancel"), found.id)
    said = "" if model is None else labels.words(who.phrases, model, found.inputs)
    await now.effects.edit_text(found.chat_id, found.status_outbox_id, texts.fill(who.phrases.cancelled, prompt=said))
