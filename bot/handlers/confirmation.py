"""The buttons under a quote: choose, generate, cancel. A second press finds the quote moved, and does nothing.

quoted ──set──▶ quoted, with another input and its price
       ──no───▶ expired
       ──go───▶ held, if the quote is fresh, nothing else is under way and the credits are there
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from telegram import Update

from bot import accounts, pricing, turn
from bot.accounts import InsufficientCredits
from bot.catalogue import Catalogue, InputProblem, Value, check
from bot.generation import cadence, store
from bot.handlers.press import Press, find
from bot.handlers.speaker import Context, speaker
from bot.ledger import format_credits
from bot.sql import sql
from telemetry import emit, events


class Confirmation:
    """Handles every press of a button; each is answered."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def pressed(self, update: Update, _context: Context) -> None:
        """Do what the button says."""
        query, who = update.callback_query, await speaker(update)
        if query is None or who is None or (press := await find(query, who, self._catalogue)) is None:
            return
        match press.button.action:
            case "set":
                await _choose(press)
            case "no":
                await _cancel(press)
            case "go":
                await _generate(press)


async def _choose(press: Press) -> None:
    try:
        inputs = check(press.model, {**press.inputs, press.button.field: press.button.value})
    except InputProblem:
        await press.answer(press.who.phrases.toast_old_button)
        return
    if inputs != press.inputs or press.is_old:
        press = await _requoted(press, inputs)
        await press.show(press.who.phrases.confirm, await press.quote(), buttons=True)
    await press.answer()


async def _cancel(press: Press) -> None:
    await turn.current().connection.execute(sql("generation_cancel"), press.button.generation_id)
    await press.show(press.who.phrases.cancelled, await press.quote(), buttons=False)
    await press.answer()


async def _generate(press: Press) -> None:
    phrases, now = press.who.phrases, turn.current()
    if press.is_old:
        press = await _requoted(press, press.inputs)
        await press.show(phrases.confirm_again, await press.quote(), buttons=True)
        await press.answer(phrases.toast_confirm_again)
        return
    active = await now.connection.fetchval(sql("generation_count_active"), press.who.user.id)
    if active >= now.settings.active_tasks_per_user:
        await press.answer(phrases.toast_busy)
        return
    try:
        await _hold(press)
    except InsufficientCredits as error:
        price, balance = phrases.credits(error.price), phrases.credits(error.available)
        await press.show(phrases.not_enough, await press.quote(), buttons=True)
        await press.answer(phrases.toast_not_enough.format(price=price, balance=balance))
        return
    await press.show(phrases.queued, await press.quote(), buttons=False)
    await press.answer()


async def _hold(press: Press) -> None:
    """Hold the price, if there is one, and hand the generation to the worker."""
    connection, generation_id, hold_id = turn.current().connection, press.button.generation_id, None
    if press.price:
        seconds = cadence.hold_seconds(press.model.slo)
        user_id = press.who.user.id
        hold_id = await accounts.hold(connection, user_id, press.price, generation_id, seconds=seconds)
    await connection.execute(sql("generation_confirm"), generation_id, hold_id, cadence.QUEUE_SECONDS)
    price = format_credits(press.price)
    emit(events.GenerationHeld(generation_id=generation_id, model=press.model.id, credits=price))


async def _requoted(press: Press, inputs: Mapping[str, Value]) -> Press:
    """Return the press on a quote made fresh: at today's price for these inputs."""
    price = pricing.price(press.model, inputs)
    await turn.current().connection.execute(
        sql("generation_requote"), press.button.generation_id, store.dump(inputs), price
    )
    return replace(press, inputs=inputs, price=price, is_old=False)
