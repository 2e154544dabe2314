"""Presses on buttons: each is for one person, has one action, and is answered, whatever it says.

An action is a name in the button and a function here; a feature brings its own to `Taps`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from telegram import Update

from bot import turn
from bot.handlers import dialog
from bot.handlers.dialog import Dialog, View
from bot.handlers.speaker import Context, Speaker, speaker
from bot.links import Link, parse


@dataclass(frozen=True, slots=True)
class Tap:
    """A press by the one whom the button was made for; `is_here`: the pressed message shows the dialog."""

    who: Speaker
    link: Link
    dialog: Dialog
    is_here: bool

    async def show(self, view: View, where: Dialog) -> None:
        """Say it where the button was, if that message is the dialog's, else in a new one; be there from now on."""
        await dialog.show(where, view, in_place=self.is_here)

    def argument(self, number: int) -> str:
        """Return an argument of the button; empty when it has fewer."""
        return self.link.arguments[number] if number < len(self.link.arguments) else ""


Action: TypeAlias = Callable[[Tap], Awaitable[str | None]]
"""Does what a button says and returns a few plain words to show over the chat, or None."""


class Taps:
    """Handles every press that no other handler takes."""

    def __init__(self, actions: Mapping[str, Action]) -> None:
        self._actions = actions

    async def pressed(self, update: Update, _context: Context) -> None:
        """Do what the button says, or say that it is out of date."""
        query, who = update.callback_query, await speaker(update)
        if query is None or who is None:
            return
        link = parse(query.data)
        toast: str | None
        if link is None or (action := self._actions.get(link.action)) is None:
            toast = who.phrases.toast_old_button
        elif link.owner != who.user.id:
            toast = who.phrases.toast_not_your_button
        else:
            found = await dialog.find(who.chat_id, who.user.id)
            is_here = query.message is not None and await dialog.is_shown_by(found, query.message.message_id)
            toast = await action(Tap(who, link, found, is_here))
        await turn.current().effects.answer_callback(who.chat_id, query.id, toast)
