"""Asked before a payment in polling mode, the till answers by a call."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from telegram import Bot
from telegram.request import HTTPXRequest

from bot import till
from bot.till import Till
from supervisor.database import LOST
from telemetry import events, testing
from tests.integration.bot.telegram.conftest import DEADLINE_SECONDS, TOKEN, Api, Tenure, hang, refused

OFFER = """INSERT INTO payment_order (user_id, credits, currency, amount, expires_at)
           VALUES (5, 1000, 'XTR', 50, now() + interval '10 minutes') RETURNING id::text"""


@pytest.fixture
async def telegram(api: Api) -> AsyncIterator[Bot]:
    """The library's Bot on the server."""
    request = HTTPXRequest()
    async with Bot(TOKEN, base_url=f"{api.url}/bot", request=request, get_updates_request=request) as bot:
        yield bot


@pytest.fixture
async def question(tenure: Tenure) -> bytes:
    """An update that asks about an order that is open."""
    async with tenure.database.transaction() as connection:
        await connection.execute("INSERT INTO users (id, language) VALUES (5, 'en')")
        payload = await connection.fetchval(OFFER)
    query = {"id": "4711", "from": {"id": 5}, "currency": "XTR", "total_amount": 50, "invoice_payload": payload}
    return json.dumps({"update_id": 1, "pre_checkout_query": query}).encode()


@pytest.fixture
def counter(tenure: Tenure) -> Till:
    """A till on the real database."""
    return Till(tenure.database.reading, LOST)


async def answered(counter: Till, telegram: Bot, body: bytes) -> list[str]:
    with testing.record() as recorded, anyio.fail_after(DEADLINE_SECONDS):
        await counter.call(telegram, body)
    return [event.answer for event in recorded.all(events.PreCheckoutAnswered)]


async def test_the_call_says_that_the_payment_may_go_on(
    api: Api, counter: Till, telegram: Bot, question: bytes
) -> None:
    """With the id of the question and nothing else."""
    assert await answered(counter, telegram, question) == ["ok"]
    (call,) = api.made("answerPreCheckoutQuery")
    assert (call["pre_checkout_query_id"], str(call["ok"]).lower()) == ("4711", "true")
    assert "error_message" not in call


async def test_the_call_says_why_it_may_not(api: Api, counter: Till, telegram: Bot, question: bytes) -> None:
    """In the payer's language."""
    assert await answered(counter, telegram, question.replace(b": 50", b": 49")) == ["other_price"]
    (call,) = api.made("answerPreCheckoutQuery")
    assert "price" in call["error_message"]


async def test_a_call_that_fails_is_made_again_while_it_can_help(
    api: Api, counter: Till, telegram: Bot, question: bytes
) -> None:
    """Ten seconds are long enough for another try."""
    api.script("answerPreCheckoutQuery", refused(502, "Bad Gateway"), refused(429, "Too Many", retry_after=1))
    assert await answered(counter, telegram, question) == ["ok"]
    assert len(api.made("answerPreCheckoutQuery")) == 3


async def test_a_question_that_is_over_is_left(api: Api, counter: Till, telegram: Bot, question: bytes) -> None:
    """Telegram has given up on it, or has its answer from before a crash."""
    late = refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
    api.script("answerPreCheckoutQuery", late)
    assert await answered(counter, telegram, question) == ["late"]


async def test_the_whole_answer_has_a_deadline(
    api: Api, counter: Till, telegram: Bot, question: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poller waits for it before it confirms."""
    monkeypatch.setattr(till, "ANSWER_SECONDS", 0.3)
    api.script("answerPreCheckoutQuery", hang, hang)
    assert await answered(counter, telegram, question) == ["unanswered"]


async def test_without_a_database_nothing_is_said(
    api: Api, telegram: Bot, question: bytes, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is asked meanwhile, it is told once; the payment fails by itself, the poller goes on."""
    monkeypatch.setattr(till, "ANSWER_SECONDS", 0.6)
    await pool.close()
    assert await answered(Till(pool.acquire, LOST), telegram, question) == ["unanswered"]
    assert api.made("answerPreCheckoutQuery") == []


async def test_a_database_that_is_busy_for_a_while_is_asked_again(
    api: Api, telegram: Bot, question: bytes, tenure: Tenure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look-up that takes too long is not yet the end of the payment: there is time for the next."""
    monkeypatch.setattr(till, "READ_SECONDS", 0.2)
    asked = []

    @asynccontextmanager
    async def reading() -> AsyncIterator[Any]:
        asked.append(1)
        if len(asked) < 3:
            await anyio.sleep_forever()
        async with tenure.database.reading() as connection:
            yield connection

    assert await answered(Till(reading, LOST), telegram, question) == ["ok"]
    assert len(api.made("answerPreCheckoutQuery")) == 1


async def test_what_asks_nothing_costs_nothing(api: Api, telegram: Bot, tenure: Tenure, pool: Any) -> None:
    """Not even a look at the database."""
    await pool.close()
    assert await answered(Till(tenure.database.reading, LOST), telegram, b'{"update_id":1,"message":{}}') == []
    assert api.made("answerPreCheckoutQuery") == []
