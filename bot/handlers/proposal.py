"""From complete inputs to a quote with its price, in a message of its own or in the dialog's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot import accounts, free, numbers, switches, turn
from bot.catalogue import Model, Value, check
from bot.generation import store
from bot.handlers import dialog as dialogs
from bot.handlers.dialog import Dialog, View
from bot.handlers.quote import Quote, ask, confirm
from bot.handlers.speaker import Speaker
from bot.ledger import format_credits
from bot.sql import sql
from bot.texts import labels
from telemetry import emit, events


async def propose(who: Speaker, model: Model, dialog: Dialog, *, in_place: bool) -> None:
    """Show the exact price of what the dialog has, with the balance; raise InputProblem when it cannot be made.

    The dialog's own quote is changed while it can be; else there is a new one.
    """
    now, inputs = turn.current(), check(model, dialog.inputs)
    if model.id in await switches.off(now.connection):
        await who.tell(who.phrases.account.model_off, model=labels.title(who.phrases, model))
        return
    found = await free.priced(now, who.user.id, model, inputs)
    price = found.amount
    generation_id = await _requoted(dialog, inputs, price) or await store.quote(
        now.connection,
        user_id=who.user.id,
        chat_id=who.chat_id,
        model_id=model.id,
        inputs=inputs,
        price=price,
        traceparent=now.effects.traceparent,
    )
    has = await accounts.balance(now.connection, who.user.id)
    quote = Quote(model, inputs, price, has.available, found.left)
    text, keyboard = ask(who.phrases, confirm(who.phrases, quote), quote, generation_id)
    where = replace(dialog, model_id=model.id, inputs=inputs, asked=None, generation_id=generation_id)
    shown = await dialogs.show(where, View(text, keyboard), in_place=in_place)
    await now.connection.execute(sql("generation_announce"), generation_id, shown.message)
    if generation_id != dialog.generation_id:
        if dialog.routed is not None:
            await numbers.note_route(now.connection, generation_id, model.id, dialog.routed)
        emit(events.GenerationQuoted(model=model.id, credits=format_credits(price)))


async def _requoted(dialog: Dialog, inputs: Mapping[str, Value], price: int) -> int | None:
    """Return the dialog's quote, changed; None when it has none, or it was confirmed or cancelled meanwhile."""
    if dialog.generation_id is None:
        return None
    changed: int | None = await turn.current().connection.fetchval(
        sql("generation_requote"), dialog.generation_id, store.dump(inputs), price
    )
    return changed
