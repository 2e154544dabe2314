"""A press on a quote's button, matched with its quote; a press that can do nothing is answered here, and says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from telegram import CallbackQuery

from bot import accounts, free, switches, texts, turn
from bot.catalogue import Catalogue, Model, Value
from bot.effects import Keyboard
from bot.generation import cadence, store
from bot.generation.progress import words
from bot.handlers.buttons import Button, parse
from bot.handlers.quote import Quote, ask
from bot.handlers.speaker import Speaker
from bot.sql import sql


@dataclass(frozen=True, slots=True)
class Press:
    """A press by the one who asked, on a quote that can still be confirmed; its row is locked."""

    who: Speaker
    query_id: str
    button: Button
    chat_id: int
    message: int | None
    model: Model
    inputs: Mapping[str, Value]
    price: int
    is_old: bool

    async def answer(self, toast: str | None = None) -> None:
        """Stop the button's spinner, with a few words over the chat or without."""
        await turn.current().effects.answer_callback(self.who.chat_id, self.query_id, toast)

    async def quote(self) -> Quote:
        """Return the quote as it stands, with the user's present balance."""
        now, user_id = turn.current(), self.who.user.id
        has = await accounts.balance(now.connection, user_id)
        left = await free.left_today(now, user_id, self.model)
        return Quote(self.model, self.inputs, self.price, has.available, left)

    async def show(self, template: str, quote: Quote, *, buttons: bool) -> None:
        """Let the message say something else about the quote, with its buttons or without."""
        text, keyboard = ask(self.who.phrases, template, quote, self.button.generation_id)
        await self.say(text, keyboard if buttons else ())

    async def say(self, text: str, keyboard: Keyboard = ()) -> int:
        """Let the message say this, or another one in its place; return its outbox id."""
        return await _say(self.button.generation_id, self.chat_id, self.message, text, keyboard)

    async def withdraw(self) -> None:
        """End the quote: what it asks for is not on sale any more."""
        await _withdraw(self.who, self.button.generation_id, self.chat_id, self.message, self.inputs)
        await self.answer()

    async def requoted(self, inputs: Mapping[str, Value]) -> Press:
        """Return the press on a quote made fresh: at today's price for these inputs."""
        now = turn.current()
        price = (await free.priced(now, self.who.user.id, self.model, inputs)).amount
        await now.connection.execute(sql("generation_requote"), self.button.generation_id, store.dump(inputs), price)
        return replace(self, inputs=inputs, price=price, is_old=False)


async def find(query: CallbackQuery, who: Speaker, catalogue: Catalogue) -> Press | None:
    """Return the press, or None when it was answered already: too old, somebody else's, or on something settled."""
    button, row = parse(query.data), None
    if button is not None:
        row = await turn.current().connection.fetchrow(
            sql("generation_pressed"), button.generation_id, cadence.QUOTE_SECONDS
        )
    if button is None or row is None:
        await _answer(who, query, who.phrases.toast_old_button)
        return None
    if (toast := _refusal(row, who)) is not None:
        await _answer(who, query, toast)
        return None
    inputs, model = store.load(row["inputs"]), catalogue.get(row["model_id"])
    if model is None or model.id in await switches.off(turn.current().connection):
        await _withdraw(who, row["id"], row["chat_id"], row["status_outbox_id"], inputs)
        await _answer(who, query)
        return None
    return Press(
        who, query.id, button, row["chat_id"], row["status_outbox_id"], model, inputs, row["price"], row["is_old"]
    )


def _refusal(row: Any, who: Speaker) -> str | None:
    """Return why this press does nothing; None when it may."""
    phrases = who.phrases
    if row["user_id"] != who.user.id:
        return phrases.toast_not_yours
    if row["state"] == "quoted":
        return None
    return phrases.toast_cancelled if row["state"] == "expired" else phrases.toast_already


async def _answer(who: Speaker, query: CallbackQuery, toast: str | None = None) -> None:
    await turn.current().effects.answer_callback(who.chat_id, query.id, toast)


async def _withdraw(
    who: Speaker, generation_id: int, chat_id: int, message: int | None, inputs: Mapping[str, Value]
) -> None:
    await turn.current().connection.execute(sql("generation_cancel"), generation_id)
    await _say(generation_id, chat_id, message, texts.fill(who.phrases.withdrawn, prompt=words(inputs)))


async def _say(generation_id: int, chat_id: int, message: int | None, text: str, keyboard: Keyboard = ()) -> int:
    """Edit the message of the quote; where it is no longer kept, send another in its place."""
    now = turn.current()
    if message is None:
        message = await now.effects.send_text(chat_id, text, keyboard)
        await now.connection.execute(sql("generation_announce"), generation_id, message)
    else:
        await now.effects.edit_text(chat_id, message, text, keyboard)
    return message
