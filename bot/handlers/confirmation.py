"""The buttons under a quote: change, generate, cancel. A second press finds the quote moved, and does nothing.

quoted ──set, clear──▶ quoted, with another input and its price
       ──ask, back───▶ quoted, its message shows one input, or all of it again
       ──no──────────▶ expired
       ──other───────▶ expired, its message shows other models, and the one that is chosen takes what was given
       ──go──────────▶ held, if it can be made now, the quote is fresh, at the price of the button, nothing else is under way and the
                       credits are there, and what was made lately could be delivered
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from telegram import Update

from bot import accounts, free, pricing, turn
from bot.accounts import InsufficientCredits
from bot.catalogue import Catalogue, InputProblem, Value, check, offered
from bot.codes import find as find_name
from bot.generation import cadence
from bot.handlers import dialog as dialogs
from bot.handlers.answers import pressed as read
from bot.handlers.dialog import Dialog
from bot.handlers.menu import Menu
from bot.handlers.press import Press, find
from bot.handlers.problems import refusal
from bot.handlers.quote import change, confirm
from bot.handlers.speaker import Context, speaker
from bot.ledger import format_credits
from bot.sql import sql
from bot.vitals import Vitals
from telemetry import emit, events

MOST_UNDELIVERED: Final = 3
"""Results that could not be delivered within `UNDELIVERED_SECONDS`, and are not paid for: then a user waits."""
UNDELIVERED_SECONDS: Final = 86_400.0
LATELY: Final = 1_000
"""Generations of a user that are looked at for that."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Handles every press of a quote's button; each is answered."""

    catalogue: Catalogue
    vitals: Vitals
    menu: Menu

    async def pressed(self, update: Update, _context: Context) -> None:
        """Do what the button says."""
        query, who = update.callback_query, await speaker(update)
        if query is None or who is None or (press := await find(query, who, self.catalogue)) is None:
            return
        match press.button.action:
            case "set" | "clear":
                await _choose(press)
            case "ask":
                await _ask(press)
            case "back":
                await _back(press)
            case "no":
                await _cancel(press)
            case "other":
                await self._other(press)
            case "go" if (refused := self._refusal(press)) is not None:
                await press.answer(refused)
            case "go":
                await _generate(press)

    async def _other(self, press: Press) -> None:
        """End the quote, and show the models of its category in its message."""
        await turn.current().connection.execute(sql("generation_cancel"), press.button.generation_id)
        menu = Menu(await self.menu.shelf.on_sale())
        view = menu.page(press.who, press.model.category, 0)
        message = await press.say(view.text, view.keyboard)
        where = Dialog(press.chat_id, press.who.user.id, press.model.id, press.inputs, message=message)
        await dialogs.keep(where)
        await press.answer()

    def _refusal(self, press: Press) -> str | None:
        """Return why nothing can be made of this now, kindly; None when it can."""
        trouble = press.who.phrases.trouble
        try:
            # What it costs the operator, also where the user pays nothing.
            cost = pricing.price(press.model, check(press.model, press.inputs))
        except InputProblem:
            return None
        match self.vitals.refuses(press.model.id, cost):
            case None:
                return None
            case "model":
                return trouble.toast_model_away
            case _:
                return trouble.toast_paused


async def _choose(press: Press) -> None:
    """Set an input or clear it, when the rest goes with that."""
    name, phrases = find_name(press.button.field, press.model.inputs), press.who.phrases
    if name is None:
        await press.answer(phrases.toast_old_button)
        return
    given = {other: value for other, value in press.inputs.items() if other != name}
    try:
        if press.button.action == "set":
            given[name] = read(press.model, name, press.button.value)
        inputs = check(press.model, given)
    except InputProblem as problem:
        if problem.reason != "not_sold":
            await press.answer(phrases.toast_old_button)
            return
        sold = offered(press.model, name, {other: value for other, value in press.inputs.items() if other != name})
        found = InputProblem(name, "not_sold", found=given.get(name), limit=sold)
        await press.answer(refusal(phrases, found))
        return
    if inputs != press.inputs or press.is_old or not await _is_confirming(press):
        press = await press.requoted(inputs)
        await _confirm(press)
    await press.answer()


async def _ask(press: Press) -> None:
    """Let the message ask for one input; what the user writes next answers it."""
    name = find_name(press.button.field, press.model.inputs)
    if name is None:
        await press.answer(press.who.phrases.toast_old_button)
        return
    text, keyboard = change(press.who.phrases, await press.quote(), name, press.button.generation_id)
    message = await press.say(text, keyboard)
    given = {other: value for other, value in press.inputs.items() if other != name}
    await dialogs.keep(_dialog(press, message, name, given))
    await press.answer()


async def _back(press: Press) -> None:
    await _confirm(press)
    await press.answer()


async def _cancel(press: Press) -> None:
    await turn.current().connection.execute(sql("generation_cancel"), press.button.generation_id)
    await press.show(press.who.phrases.cancelled, await press.quote(), buttons=False)
    await _leave(press)
    await press.answer()


async def _generate(press: Press) -> None:
    phrases, now = press.who.phrases, turn.current()
    await free.lock(now, press.model)
    try:
        today = await press.requoted(check(press.model, press.inputs))
    except InputProblem:
        await press.withdraw()
        return
    if press.is_old or press.button.value != str(today.price):
        await today.show(phrases.confirm_again, await today.quote(), buttons=True)
        await press.answer(phrases.toast_confirm_again if press.is_old else phrases.toast_price_changed)
        return
    press = today
    active = await now.connection.fetchval(sql("generation_count_active"), press.who.user.id)
    if active >= now.settings.active_tasks_per_user:
        await press.answer(phrases.toast_busy)
        return
    if await _is_out_of_reach(press):
        await press.answer(phrases.trouble.toast_undelivered)
        return
    try:
        await _hold(press)
    except InsufficientCredits as error:
        price, balance = phrases.credits(error.price), phrases.credits(error.available)
        await press.show(phrases.not_enough, await press.quote(), buttons=True)
        await press.answer(phrases.toast_not_enough.format(price=price, balance=balance))
        return
    await press.show(phrases.queued, await press.quote(), buttons=False)
    await _leave(press)
    await press.answer()


async def _is_out_of_reach(press: Press) -> bool:
    """Whether results could not be brought to this user so often that no more are made for now: each has cost the operator."""
    limits = UNDELIVERED_SECONDS, LATELY
    lost = await turn.current().connection.fetchval(sql("generation_undelivered"), press.who.user.id, *limits)
    return int(lost) >= MOST_UNDELIVERED


async def _hold(press: Press) -> None:
    """Hold the price, if there is one, and hand the generation to the worker."""
    connection, generation_id, hold_id = turn.current().connection, press.button.generation_id, None
    if press.price:
        seconds = cadence.hold_seconds(press.model.slo)
        user_id = press.who.user.id
        hold_id = await accounts.hold(connection, user_id, press.price, generation_id, seconds=seconds)
    else:
        await free.take(turn.current(), press.who.user.id, generation_id)
    await connection.execute(sql("generation_confirm"), generation_id, hold_id, cadence.QUEUE_SECONDS)
    price = format_credits(press.price)
    emit(events.GenerationHeld(generation_id=generation_id, model=press.model.id, credits=price))


async def _confirm(press: Press) -> None:
    """Let the message show the whole quote again; nothing more is asked."""
    quote = await press.quote()
    await press.show(confirm(press.who.phrases, quote), quote, buttons=True)
    dialog = await _own(press)
    if dialog is not None and dialog.asked is not None:
        await dialogs.keep(_dialog(press, dialog.message, None, press.inputs))


async def _leave(press: Press) -> None:
    """Let the dialog end with its quote, so that the message is the generation's alone."""
    if (dialog := await _own(press)) is not None:
        await dialogs.forget(dialog)


async def _is_confirming(press: Press) -> bool:
    """Whether the message shows the whole quote, as far as anybody knows."""
    dialog = await _own(press)
    return dialog is None or dialog.asked is None


async def _own(press: Press) -> Dialog | None:
    """Return the presser's dialog, if it is about this quote."""
    dialog = await dialogs.find(press.chat_id, press.who.user.id)
    return dialog if dialog.generation_id == press.button.generation_id else None


def _dialog(press: Press, message: int | None, asked: str | None, inputs: Mapping[str, Value]) -> Dialog:
    return Dialog(
        press.chat_id,
        press.who.user.id,
        press.model.id,
        inputs,
        asked,
        press.button.generation_id,
        message=message,
    )
