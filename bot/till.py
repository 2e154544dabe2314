"""Answers Telegram's question before a payment, within the ten seconds that Telegram waits.

    webhook:  the answer to the request is the call that answers      any instance, PASSIVE ones too
    polling:  a call of its own, made while the update is stored      the ACTIVE

Nothing is written, so the same question may be answered twice. Without a database there is no answer, however often it
is tried meanwhile: the payment fails after ten seconds and no money is taken.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import anyio
from telegram import Bot
from telegram.error import BadRequest, TelegramError

from bot import texts
from bot.checkout import Answer, Order, Query, Refusal, query_of, refusal
from bot.errors import BotError
from bot.ports import Connection
from bot.sql import sql
from telemetry import emit, events

READ_SECONDS = 2.5
"""To look at the order."""
CALL_SECONDS = 3.0
ANSWER_SECONDS = 8.0
"""For all tries of one answer, its look-up among them."""
PAUSE_SECONDS = 0.25


class NoAnswer(BotError):
    """The order could not be looked at: Telegram is to ask again."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a webhook's reply says; it is an answer once it is `given`."""

    body: bytes
    answer: Answer
    began: float

    def given(self) -> None:
        """Count the answer: the reply is on its way."""
        emit(events.PreCheckoutAnswered(answer=self.answer, seconds=_since(self.began)))


class Till:
    """Looks orders up with connections of `reading`; `lost` is what it and they raise when the database is away."""

    def __init__(
        self,
        reading: Callable[[], AbstractAsyncContextManager[Connection]],
        lost: tuple[type[Exception], ...],
    ) -> None:
        self._reading = reading
        self._lost = lost

    async def reply(self, body: bytes) -> Reply | None:
        """Return what the webhook's reply to this update says; None, nearly always, is nothing. Raises `NoAnswer`."""
        query = query_of(body)
        if query is None:
            return None
        began = perf_counter()
        try:
            found = await self._decide(query)
        except NoAnswer as error:
            emit(events.PreCheckoutAnswered(answer="unanswered", seconds=_since(began), error=error.__cause__))
            raise
        said = json.dumps({"method": "answerPreCheckoutQuery", **_words(query, found)}).encode()
        return Reply(said, found or "ok", began)

    async def call(self, bot: Bot, body: bytes) -> None:
        """Answer this update by a call, if it asks; best effort, in bounded time."""
        query = query_of(body)
        if query is None:
            return
        began, failure = perf_counter(), None
        with anyio.move_on_after(ANSWER_SECONDS):
            while True:
                try:
                    found = await self._decide(query)
                    await bot.answer_pre_checkout_query(
                        **_words(query, found), read_timeout=CALL_SECONDS, write_timeout=CALL_SECONDS
                    )
                except BadRequest as error:
                    emit(events.PreCheckoutAnswered(answer="late", seconds=_since(began), error=error))
                    return
                except (NoAnswer, TelegramError) as error:
                    failure = error.__cause__ if isinstance(error, NoAnswer) else error
                    await anyio.sleep(PAUSE_SECONDS)
                else:
                    emit(events.PreCheckoutAnswered(answer=found or "ok", seconds=_since(began)))
                    return
        emit(events.PreCheckoutAnswered(answer="unanswered", seconds=_since(began), error=failure))

    async def _decide(self, query: Query) -> Refusal | None:
        if query.order_id is None:
            return "unknown"
        try:
            with anyio.fail_after(READ_SECONDS):
                async with self._reading() as connection:
                    row = await connection.fetchrow(sql("payment_order_get"), query.order_id)
        except self._lost as error:
            raise NoAnswer("Looking up an order before its payment: the database does not answer.") from error
        if row is None:
            return "unknown"
        order = Order(row["user_id"], row["currency"], row["amount"], row["state"], row["expires_at"])
        return refusal(query, order, row["asked_at"])


def _words(query: Query, found: Refusal | None) -> dict[str, Any]:
    """Return the answer as Telegram takes it, in the payer's language."""
    if found is None:
        return {"pre_checkout_query_id": query.id, "ok": True}
    said = texts.of(texts.language_of(query.language)).checkout[found]
    return {"pre_checkout_query_id": query.id, "ok": False, "error_message": said}


def _since(began: float) -> float:
    return round(perf_counter() - began, 4)
