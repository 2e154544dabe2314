"""Plain text: words become a quote, and a message that asks for the confirmation."""

from __future__ import annotations

import unicodedata

from telegram import Update

from bot import accounts, pricing, turn
from bot.catalogue import InputProblem, Model, check
from bot.generation import store
from bot.handlers.quote import Quote, ask
from bot.handlers.speaker import Context, Speaker, speaker
from bot.ledger import format_credits
from bot.sql import sql
from telemetry import emit, events

LINE_BREAKS = "\n\t"


class Prompt:
    """Takes the words for `model`."""

    def __init__(self, model: Model) -> None:
        self._model = model

    async def words(self, update: Update, _context: Context) -> None:
        """Answer words with a price, or with what is wrong with them."""
        found = await speaker(update)
        if found is None or update.effective_message is None:
            return
        try:
            inputs = check(self._model, {"prompt": clean(update.effective_message.text or "")})
        except InputProblem as problem:
            await _refuse(found, problem)
            return
        now = turn.current()
        price = pricing.price(self._model, inputs)
        has = await accounts.balance(now.connection, found.user.id)
        quote = Quote(self._model, inputs, price, has.available)
        if has.available < price:
            await found.tell(found.phrases.not_enough, **quote.values(found.phrases))
            return
        generation_id = await store.quote(
            now.connection,
            user_id=found.user.id,
            chat_id=found.chat_id,
            model_id=self._model.id,
            inputs=inputs,
            price=price,
            traceparent=now.effects.traceparent,
        )
        text, keyboard = ask(found.phrases, found.phrases.confirm, quote, generation_id)
        message = await now.effects.send_text(found.chat_id, text, keyboard)
        await now.connection.execute(sql("generation_announce"), generation_id, message)
        emit(events.GenerationQuoted(model=self._model.id, credits=format_credits(price)))


def clean(text: str) -> str:
    """Return the words without what no provider, database or chat can carry: control characters, half characters."""
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "".join(each for each in joined if each in LINE_BREAKS or unicodedata.category(each) != "Cc").strip()


async def _refuse(found: Speaker, problem: InputProblem) -> None:
    phrases = found.phrases
    match problem.reason:
        case "missing" | "too_short":
            await found.tell(phrases.prompt_missing)
        case "too_long":
            await found.tell(phrases.prompt_too_long, found=str(problem.found), limit=str(problem.limit))
        case _:
            await found.tell(phrases.input_refused, field=problem.field)
