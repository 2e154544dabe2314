"""The same once more: the inputs of an earlier generation, at today's price."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot import turn
from bot.catalogue import InputProblem
from bot.generation import store
from bot.handlers.buttons import LARGEST_DIGITS
from bot.handlers.proposal import propose
from bot.handlers.shelf import Shelf
from bot.handlers.taps import Tap


@dataclass(frozen=True, slots=True)
class Repeat:
    """Quotes an earlier generation of the presser's again."""

    shelf: Shelf

    async def repeat(self, tap: Tap) -> str | None:
        """Send a fresh quote; nothing is made before that is confirmed."""
        phrases, number = tap.who.phrases, tap.argument(0)
        if not (number.isascii() and number.isdigit() and len(number) <= LARGEST_DIGITS):
            return phrases.toast_old_button
        found = await store.get(turn.current().connection, int(number))
        if found is None or found.user_id != tap.who.user.id:
            return phrases.toast_old_button
        model = self.shelf.catalogue.get(found.model_id)
        if model is None:
            return phrases.cards.toast_gone
        dialog = replace(tap.dialog.nowhere(), inputs=found.inputs)
        try:
            await propose(tap.who, model, dialog, in_place=False)
        except InputProblem:
            return phrases.cards.toast_files_gone
        return None
