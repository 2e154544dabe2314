"""Where somebody is in a chat: the model, what is given so far, what is asked, and the message that shows it.

    menu ──card──▶ model ──▶ asked ──answer──▶ asked … ──▶ quote ──ask──▶ asked (of the quote) ──▶ quote
      any ──/models, a card──▶ menu, with what was given so far: another model takes of it what it can
      any ──/cancel, go, a day──▶ nowhere

* A row a chat and person; it is read and written in the turn's transaction, so a handler that fails has moved nobody.
* What a press says goes into the message that was pressed, if that is the one that shows the dialog. Else, and after
  everything that was written, another message is sent: the answer stands where the person looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from bot import turn
from bot.catalogue import Value
from bot.effects import Keyboard
from bot.generation import store
from bot.sql import sql

KEPT_SECONDS: Final = 24 * 3600.0
EXPIRED_AT_ONCE: Final = 10
"""Old rows that each new one removes: so there are never many."""


@dataclass(frozen=True, slots=True)
class View:
    """What a message says: HTML, and rows of buttons."""

    text: str
    keyboard: Keyboard = ()


@dataclass(frozen=True, slots=True)
class Dialog:
    """One person's place in one chat; `message` is an outbox id, `routed` how its model was found, if nobody chose it."""

    chat_id: int
    user_id: int
    model_id: str | None = None
    inputs: Mapping[str, Value] = field(default_factory=dict)
    asked: str | None = None
    generation_id: int | None = None
    album: str | None = None
    message: int | None = None
    routed: str | None = None

    def nowhere(self) -> Dialog:
        """Return the dialog at its beginning, in the same message."""
        return Dialog(self.chat_id, self.user_id, message=self.message)

    def aside(self) -> Dialog:
        """Return the dialog while its person looks at the menu: nothing is asked, what was given goes along from there."""
        return self.nowhere() if self.model_id is None else replace(self, asked=None, album=None)


async def find(chat_id: int, user_id: int) -> Dialog:
    """Return where the person is; at the beginning when that is nowhere, or was too long ago."""
    row = await turn.current().connection.fetchrow(sql("dialog_get"), chat_id, user_id, KEPT_SECONDS)
    if row is None:
        return Dialog(chat_id, user_id)
    return Dialog(chat_id, user_id, **{**row, "inputs": store.load(row["inputs"])})


async def keep(dialog: Dialog) -> None:
    """Remember where the person is."""
    connection = turn.current().connection
    await connection.execute(
        sql("dialog_put"),
        dialog.chat_id,
        dialog.user_id,
        dialog.model_id,
        store.dump(dialog.inputs),
        dialog.asked,
        dialog.generation_id,
        dialog.album,
        dialog.message,
        dialog.routed,
    )
    await connection.execute(sql("dialog_expire"), KEPT_SECONDS, EXPIRED_AT_ONCE)


async def forget(dialog: Dialog) -> None:
    """Be nowhere: nothing is asked, and the message is left as it is."""
    await turn.current().connection.execute(sql("dialog_forget"), dialog.chat_id, dialog.user_id)


async def show(dialog: Dialog, view: View, *, in_place: bool) -> Dialog:
    """Say it, in the dialog's own message or in another one, and remember where the person is."""
    effects = turn.current().effects
    if in_place and dialog.message is not None and await _is_kept(dialog.message):
        await effects.edit_text(dialog.chat_id, dialog.message, view.text, view.keyboard)
    else:
        dialog = replace(dialog, message=await effects.send_text(dialog.chat_id, view.text, view.keyboard))
    await keep(dialog)
    return dialog


async def is_shown_by(dialog: Dialog, message_id: int) -> bool:
    """Whether the chat's message of this number shows the dialog; one that is just being sent may be it."""
    if dialog.message is None:
        return False
    row = await turn.current().connection.fetchrow(sql("dialog_message"), dialog.message)
    return row is not None and row["message_id"] in {None, message_id}


async def _is_kept(message: int) -> bool:
    return await turn.current().connection.fetchrow(sql("dialog_message"), message) is not None
