"""Asked before a payment, whoever is there answers: a PASSIVE by the webhook's reply, the poller by a call."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.process.app.conftest import Launch
from tests.process.app.fleet import USER, Sandbox, until, until_async
from tests.process.app.test_kill import connected
from tests.process.app.test_polling import POLLING, measured, stopped

PRICE = 50
OFFER = """INSERT INTO payment_order (user_id, credits, currency, amount, expires_at)
           VALUES ($1::bigint, 1000, 'XTR', $2::bigint, now() + interval '10 minutes') RETURNING id"""
FENCE = """SELECT lock_fence(lock_key, epoch, (SELECT timeline_id FROM pg_control_checkpoint())::bigint)
             FROM lock_heartbeat"""
SECRETS = "SELECT value FROM generated_setting WHERE name = $1"


@pytest.mark.timeout(120)
async def test_a_passive_answers_by_the_webhooks_reply_and_the_active_handles_the_update(
    sandbox: Sandbox, launch: Launch, database_url: str
) -> None:
    """Telegram's ten seconds are not lost because the wrong instance was asked."""
    first = launch("one")
    first.wait_role("ACTIVE")
    second = launch("two")
    second.wait_role("PASSIVE")
    async with connected(database_url) as connection:
        order = await offer(connection, sandbox)
        path = await connection.fetchval(SECRETS, "webhook_secret_path")
        token = await connection.fetchval(SECRETS, "webhook_secret_token")
        url = f"http://127.0.0.1:{second.port}/webhook/{path}"
        assert sandbox.api("setWebhook", url=url, secret_token=token)["ok"]
        good, bad = sandbox.check_out(str(order), PRICE), sandbox.check_out(str(order), PRICE + 1)
        assert answer(sandbox, good) == (True, "")
        ok, error = answer(sandbox, bad)
        assert (ok, "price" in error) == (False, True)
        await until_async(lambda: settled(connection, 2), "both updates are handled")
    assert second.role() == "PASSIVE"
    assert measured(second, 'bot_pre_checkout_answers_total{answer="ok"') == 1
    assert measured(first, 'bot_pre_checkout_answers_total{answer="ok"') == 0
    stopped(second)
    stopped(first)


@pytest.mark.timeout(120)
async def test_in_polling_mode_the_poller_answers_by_a_call(
    sandbox: Sandbox, launch: Launch, database_url: str
) -> None:
    """And stores the update, which the handlers take for done."""
    instance = launch(**POLLING)
    instance.wait_role("ACTIVE")
    async with connected(database_url) as connection:
        order = await offer(connection, sandbox)
        good, bad = sandbox.check_out(str(order), PRICE), sandbox.check_out("no order of ours", PRICE)
        assert answer(sandbox, good) == (True, "")
        ok, error = answer(sandbox, bad)
        assert (ok, "bill" in error) == (False, True)
        await until_async(lambda: settled(connection, 2), "both updates are handled")
    assert {call["status"] for call in sandbox.calls("answerPreCheckoutQuery")} == {200}
    stopped(instance)


async def offer(connection: asyncpg.Connection, sandbox: Sandbox) -> UUID:
    """Make an order as the ACTIVE would, for a person it knows."""
    sandbox.write("/start")
    until(sandbox.messages, "the person is known")
    async with connection.transaction():
        await connection.execute(FENCE)
        found: UUID = await connection.fetchval(OFFER, USER, PRICE)
        return found


def answer(sandbox: Sandbox, question: str) -> tuple[bool, str]:
    """Return what the bot said, once it has said it."""

    def said() -> dict[str, Any] | None:
        found = sandbox.checkouts()[question]
        return found if found["ok"] is not None else None

    found = until(said, "an answer", 10)
    return found["ok"], found["error"]


async def settled(connection: asyncpg.Connection, number: int) -> bool:
    states = await connection.fetch("SELECT state FROM inbox WHERE lane = $1", f"user:{USER}")
    return [row["state"] for row in states] == ["done"] * number
