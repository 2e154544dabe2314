"""/history: what somebody had made, page by page; once more at today's price, or the result again for nothing.

In a group it is what was made there: what a person does elsewhere is not for the group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from telegram import Update

from bot import texts, turn
from bot.afterwards import REPEAT
from bot.generation import dispatch, pieces, store
from bot.handlers import dialog as dialogs
from bot.handlers.buttons import LARGEST_DIGITS
from bot.handlers.dialog import View
from bot.handlers.questions import Row
from bot.handlers.shelf import Shelf
from bot.handlers.speaker import Context, Speaker, speaker
from bot.handlers.taps import Tap
from bot.links import Link, data
from bot.sql import sql
from bot.texts import Phrases, labels
from bot.texts.account import Outcome

HISTORY: Final = "hist"
AGAIN: Final = "again"
PAGE: Final = 5
PAGES: Final = 20
LONGEST_WORDS: Final = 120
MINUTE, HOUR, DAY = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True)
class History:
    """Shows what was made, with the shelf's names for the models."""

    shelf: Shelf

    async def history(self, update: Update, _context: Context) -> None:
        """Show the newest page; what was begun stays begun."""
        if (who := await speaker(update)) is not None:
            dialog = await dialogs.find(who.chat_id, who.user.id)
            await dialogs.show(dialog, await self._view(who, 0), in_place=False)

    async def page(self, tap: Tap) -> str | None:
        """Show another page where the button was."""
        number = tap.argument(0)
        page = int(number) if number.isascii() and number.isdigit() and len(number) <= len("99") else 0
        await tap.show(await self._view(tap.who, min(page, PAGES - 1)), tap.dialog)
        return None

    async def again(self, tap: Tap) -> str | None:
        """Send the results of an earlier generation again, by Telegram's ids of them."""
        who, phrases, number = tap.who, tap.who.phrases, tap.argument(0)
        if not (number.isascii() and number.isdigit() and len(number) <= LARGEST_DIGITS):
            return phrases.toast_old_button
        connection = turn.current().connection
        found = await store.get(connection, int(number))
        if found is None or found.user_id != who.user.id or not (who.is_private or found.chat_id == who.chat_id):
            return phrases.toast_old_button
        model, brought = self.shelf.catalogue.get(found.model_id), await pieces.of(connection, found.id)
        was_delivered = found.state in {"delivered", "charged"} or found.late == "delivered"
        if model is None or not was_delivered or not all(piece.file_id or piece.content for piece in brought):
            return phrases.cards.toast_files_gone
        if not brought:
            return phrases.cards.toast_files_gone
        await dispatch.again(connection, replace(found, chat_id=who.chat_id), model, brought)
        return phrases.account.toast_sent_again

    async def _view(self, who: Speaker, page: int) -> View:
        phrases, owner = who.phrases, who.user.id
        chat = None if who.is_private else who.chat_id
        rows = await turn.current().connection.fetch(sql("history_page"), owner, chat, PAGE + 1, page * PAGE)
        if not rows and not page:
            return View(phrases.account.history_empty)
        shown = rows[:PAGE]
        parts, keyboard = [phrases.account.history], []
        for number, row in enumerate(shown, page * PAGE + 1):
            parts.append(self._entry(phrases, number, row))
            if buttons := _buttons(phrases, owner, number, row):
                keyboard.append(buttons)
        turns = [(phrases.cards.button_earlier, page - 1)] if page else []
        turns += [(phrases.cards.button_later, page + 1)] if len(rows) > PAGE and page + 1 < PAGES else []
        keyboard.append([(label, data(Link(owner, HISTORY, (str(to),)))) for label, to in turns])
        return View("\n\n".join(parts), [row for row in keyboard if row])

    def _entry(self, phrases: Phrases, number: int, row: Any) -> str:
        model, inputs = self.shelf.catalogue.get(row["model_id"]), store.load(row["inputs"])
        if not inputs:
            words = phrases.account.history_erased
        elif model is None:
            words = str(inputs.get("prompt") or inputs.get("text") or "…")
        else:
            words = labels.words(phrases, model, inputs)
        words = " ".join(words.split())
        return texts.fill(
            phrases.account.history_entry,
            number=str(number),
            model=row["model_id"] if model is None else labels.title(phrases, model),
            price=phrases.credits(row["price"]) if row["price"] else phrases.account.free,
            outcome=phrases.account.outcomes[_outcome(row)],
            when=ago(phrases, row["age"]),
            words=words if len(words) <= LONGEST_WORDS else f"{words[: LONGEST_WORDS - 1]}…",
        )


def ago(phrases: Phrases, seconds: float) -> str:
    """Return how long ago something was, as people tell it."""
    units = phrases.account.ago
    if seconds < MINUTE:
        return units["moments"]
    if seconds < HOUR:
        return units["minutes"].format(number=int(seconds // MINUTE))
    if seconds < DAY:
        return units["hours"].format(number=int(seconds // HOUR))
    return units["days"].format(number=int(seconds // DAY))


def _outcome(row: Any) -> Outcome:
    match row["state"]:
        case "charged":
            return "done"
        case "released":
            return "late" if row["is_here"] else "failed"
        case "failed":
            return "failed"
        case _:
            return "making"


def _buttons(phrases: Phrases, owner: int, number: int, row: Any) -> Sequence[tuple[str, str]]:
    buttons: Row = []
    account, generation = phrases.account, (str(row["id"]),)
    if store.load(row["inputs"]):
        buttons = [(account.button_repeat.format(number=number), data(Link(owner, REPEAT, generation)))]
    if row["is_here"]:
        buttons = [*buttons, (account.button_send_again.format(number=number), data(Link(owner, AGAIN, generation)))]
    return buttons
