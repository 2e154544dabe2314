"""Asked before a payment, the webhook answers in its reply, whatever the role of the instance."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiogram.methods
import anyio
import httpx
import pytest

from supervisor.app.webhook import SECRET_HEADER, WebhookSecrets, webhook
from supervisor.inbox.writer import Writer
from telemetry import events, testing
from tests.integration.app.conftest import asking

SECRETS = WebhookSecrets("the-random-path", "the-header-secret")
USER, LOCK_KEY = 5, 23
OFFER = """INSERT INTO payment_order (user_id, credits, currency, amount, state, expires_at)
           VALUES ($1::bigint, 1000, 'XTR', 50, $2::text, now() + $3::integer * interval '1 minute') RETURNING id"""


@dataclass
class Shop:
    """An endpoint, orders, and a Telegram that asks before they are paid."""

    client: httpx.AsyncClient
    pool: Any
    lent: list[Any]
    number: int = 0

    async def offer(self, *, state: str = "open", minutes: int = 10) -> UUID:
        async with self.pool.acquire() as connection, connection.transaction():
            epoch = await connection.fetchval("SELECT epoch FROM lock_heartbeat WHERE lock_key = $1", LOCK_KEY)
            if epoch is None:
                epoch = await connection.fetchval("SELECT lock_claim($1, 'test', 600000, NULL, NULL, 'free')", LOCK_KEY)
            timeline = await connection.fetchval("SELECT timeline_id FROM pg_control_checkpoint()")
            await connection.execute("SELECT lock_fence($1, $2, $3)", LOCK_KEY, epoch, timeline)
            await connection.execute("INSERT INTO users (id, language) VALUES ($1, 'en') ON CONFLICT DO NOTHING", USER)
            found: UUID = await connection.fetchval(OFFER, USER, state, minutes)
            return found

    async def ask(self, payload: object, **changed: object) -> httpx.Response:
        self.number += 1
        query = {
            "id": str(self.number),
            "from": {"id": USER, "is_bot": False, "first_name": "A", "language_code": "ru"},
            "currency": "XTR",
            "total_amount": 50,
            "invoice_payload": payload,
        }
        return await self.deliver({"update_id": self.number, "pre_checkout_query": query | changed})

    async def deliver(self, update: object) -> httpx.Response:
        headers = {SECRET_HEADER.decode(): SECRETS.token}
        return await self.client.post(f"/webhook/{SECRETS.path}", content=json.dumps(update), headers=headers)


@pytest.fixture
async def shop(database_url: str, pool: Any) -> AsyncIterator[Shop]:
    """An endpoint on a real database; `lent` holds the pool it looks orders up with."""
    writer, lent = Writer(lambda: database_url), [pool]
    endpoint = webhook(lambda: SECRETS, lambda: writer, lambda: lent[0])
    async with anyio.create_task_group() as group, asking(endpoint) as client:
        await group.start(writer.serve)
        yield Shop(client, pool, lent)
        group.cancel_scope.cancel()


async def test_a_payment_that_was_offered_may_go_on_and_the_question_is_stored(shop: Shop, pool: Any) -> None:
    """The reply is the call that answers, as Telegram documents it; 200 means committed here too."""
    answer = await shop.ask(str(await shop.offer()))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    said = answer.json()
    assert said == {"method": "answerPreCheckoutQuery", "pre_checkout_query_id": "1", "ok": True}
    _ = aiogram.methods.AnswerPreCheckoutQuery.model_validate({k: v for k, v in said.items() if k != "method"})
    row = await pool.fetchrow("SELECT lane, state, body FROM inbox")
    assert (row["lane"], row["state"]) == (f"user:{USER}", "ready")
    assert json.loads(row["body"])["pre_checkout_query"]["id"] == "1"


REFUSED: dict[str, Callable[[Shop], Any]] = {
    "unknown": lambda shop: shop.ask("0193d3a0-0000-7000-8000-00000000abcd"),
    "other_price": lambda shop: offered(shop, total_amount=49),
    "other_user": lambda shop: offered(shop, **{"from": {"id": 6, "language_code": "ru"}}),
}


async def offered(shop: Shop, **changed: object) -> httpx.Response:
    return await shop.ask(str(await shop.offer()), **changed)


@pytest.mark.parametrize("reason", REFUSED)
async def test_any_other_payment_is_refused_in_the_payers_language(shop: Shop, pool: Any, reason: str) -> None:
    """With words for the person, and counted by reason."""
    with testing.record() as recorded:
        said = (await REFUSED[reason](shop)).json()
    assert (said["method"], said["ok"]) == ("answerPreCheckoutQuery", False)
    assert "пополнение" in said["error_message"]
    assert [event.answer for event in recorded.all(events.PreCheckoutAnswered)] == [reason]
    assert await pool.fetchval("SELECT count(*) FROM inbox WHERE state = 'ready'") == 1


@pytest.mark.parametrize(
    ("state", "minutes", "reason"), [("paid", 5, "paid"), ("cancelled", 5, "cancelled"), ("open", 0, "expired")]
)
async def test_an_order_is_paid_once_and_in_time(shop: Shop, state: str, minutes: int, reason: str) -> None:
    """By the database's own clock."""
    with testing.record() as recorded:
        answer = await shop.ask(str(await shop.offer(state=state, minutes=minutes)))
    assert answer.json()["ok"] is False
    assert [event.answer for event in recorded.all(events.PreCheckoutAnswered)] == [reason]


@pytest.mark.parametrize("payload", [None, 7, "", "\0", "no uuid", {"a": 1}, "9" * 5000])
async def test_a_malformed_payload_is_refused_without_looking(shop: Shop, payload: object) -> None:
    """Nothing of it reaches the database but the update itself."""
    shop.lent[0] = None
    answer = await shop.ask(payload)
    assert (answer.status_code, answer.json()["ok"]) == (200, False)


@pytest.mark.parametrize(
    "query", [None, [], "text", {}, {"id": 7}, {"id": None}, {"id": ""}, {"id": "\ud800", "from": []}]
)
async def test_a_question_without_an_id_has_no_answer_and_is_stored(shop: Shop, pool: Any, query: object) -> None:
    """There is nothing the answer could name."""
    answer = await shop.deliver({"update_id": 1, "pre_checkout_query": query})
    assert (answer.status_code, answer.content) == (200, b"")
    assert await pool.fetchval("SELECT count(*) FROM inbox") == 1


@pytest.mark.parametrize(
    "update",
    [
        {"update_id": 1, "message": {"chat": {"id": 5}, "text": '"pre_checkout_query":{"id":"1"}'}},
        {"update_id": 1, "message": {"chat": {"id": 5}, "pre_checkout_query": {"id": "1"}}},
        {"update_id": 1, "callback_query": {"id": "1", "data": "pre_checkout_query"}},
        {"no": "update"},
    ],
)
async def test_no_other_update_has_a_reply(shop: Shop, update: object) -> None:
    """Whatever it speaks of: a body would be carried out by Telegram."""
    answer = await shop.deliver(update)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_without_a_database_telegram_is_asked_to_come_again(shop: Shop, pool: Any) -> None:
    """An answer that nobody looked up would be a guess about money; nothing is stored either, so it comes again."""
    order = str(await shop.offer())
    shop.lent[0] = None
    with testing.record() as recorded:
        answer = await shop.ask(order)
    assert (answer.status_code, answer.content) == (503, b"")
    assert int(answer.headers["Retry-After"]) > 0
    assert [event.answer for event in recorded.all(events.PreCheckoutAnswered)] == ["unanswered"]
    assert await pool.fetchval("SELECT count(*) FROM inbox") == 0
    shop.lent[0], shop.number = pool, 0
    assert (await shop.ask(order)).json()["ok"] is True


async def test_a_database_that_does_not_answer_leaves_time_to_come_again(
    shop: Shop, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All connections are lent out, or the table is locked: the look-up has a deadline of its own."""
    order = str(await shop.offer())
    monkeypatch.setattr("bot.till.READ_SECONDS", 0.3)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE payment_order IN ACCESS EXCLUSIVE MODE")
        answer = await shop.ask(order)
    assert (answer.status_code, answer.content) == (503, b"")


async def test_a_database_that_refuses_the_look_up_is_no_answer_either(shop: Shop, pool: Any) -> None:
    """Whatever is wrong with it: nothing is guessed, and Telegram comes again."""
    order = str(await shop.offer())
    await pool.execute("ALTER TABLE payment_order RENAME TO payment_order_away")
    answer = await shop.ask(order)
    assert (answer.status_code, answer.content) == (503, b"")


async def test_a_repeated_question_gets_the_same_answer_and_is_one_row(shop: Shop, pool: Any) -> None:
    """Telegram may not have heard the first one."""
    order = str(await shop.offer())
    answers = []
    for _ in range(2):
        shop.number = 0
        answers.append((await shop.ask(order)).json())
    assert answers[0] == answers[1]
    assert await pool.fetchval("SELECT count(*) FROM inbox") == 1
