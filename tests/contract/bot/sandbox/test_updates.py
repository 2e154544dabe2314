"""The sandbox's getUpdates next to what Telegram's own server does, in the places where a poller could lose something."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from aiogram.types import Update

from bot.sandbox.client import Client
from bot.sandbox.testing import api, until

OTHER_POLL = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
SET_WEBHOOK = "Conflict: terminated by setWebhook request"


async def poll(sandbox: Client, **parameters: Any) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = (await api(sandbox, "getUpdates", **parameters)).json()["result"]
    return result


async def write(sandbox: Client, *texts: str) -> None:
    for text in texts:
        await sandbox.write(text, 1001)


def texts(updates: list[dict[str, Any]]) -> list[str]:
    return [update["message"]["text"] for update in updates]


@pytest.mark.parametrize(("limit", "expected"), [(0, 1), (-5, 1), (2, 2), (100, 3), (1000, 3)])
async def test_a_limit_is_taken_into_its_bounds(sandbox: Client, limit: int, expected: int) -> None:
    """From 1 to 100, whatever is asked for."""
    await write(sandbox, "one", "two", "three")
    assert len(await poll(sandbox, limit=limit)) == expected


@pytest.mark.parametrize(("offset", "left"), [(-1, ["three"]), (-2, ["two", "three"]), (-9, ["one", "two", "three"])])
async def test_a_negative_offset_keeps_that_many_of_the_newest(sandbox: Client, offset: int, left: list[str]) -> None:
    """All others are forgotten."""
    await write(sandbox, "one", "two", "three")
    assert texts(await poll(sandbox, offset=offset)) == left
    assert texts(await poll(sandbox)) == left


async def test_an_offset_far_beyond_the_newest_update_is_ignored(sandbox: Client) -> None:
    """A poller that believes a number which Telegram never gave out confirms nothing with it."""
    await write(sandbox, "one", "two")
    newest = (await poll(sandbox))[-1]["update_id"]
    assert texts(await poll(sandbox, offset=newest + 1_000)) == ["one", "two"]
    assert texts(await poll(sandbox, offset=newest + 1)) == []
    assert texts(await poll(sandbox)) == []


@pytest.mark.parametrize("waits", [True, False])
async def test_a_newer_poll_ends_a_waiting_one_only_if_it_waits_too(sandbox: Client, waits: bool) -> None:
    """The older one gets a 409 in Telegram's words; the newer one none."""
    answers: list[dict[str, Any]] = []

    async def wait() -> None:
        answers.append((await api(sandbox, "getUpdates", timeout=20)).json())

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await until(lambda: polling(sandbox), "the first poll waits")
        assert await poll(sandbox, timeout=1 if waits else 0) == []
        if not waits:
            await write(sandbox, "one")
    if waits:
        assert answers == [{"ok": False, "error_code": 409, "description": OTHER_POLL}]
    else:
        assert texts(answers[0]["result"]) == ["one"]


async def test_setting_a_webhook_ends_a_waiting_poll(sandbox: Client) -> None:
    """And every later one, until the webhook is gone; what is pending waits."""
    answers: list[dict[str, Any]] = []

    async def wait() -> None:
        answers.append((await api(sandbox, "getUpdates", timeout=20)).json())

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await until(lambda: polling(sandbox), "the poll waits")
        await api(sandbox, "setWebhook", url="http://127.0.0.1:9/nobody")
    assert (answers[0]["error_code"], answers[0]["description"]) == (409, SET_WEBHOOK)
    await write(sandbox, "one")
    assert (await api(sandbox, "getUpdates", offset=2**31 - 1)).status_code == 409
    await api(sandbox, "deleteWebhook")
    assert texts(await poll(sandbox)) == ["one"]


async def test_allowed_updates_are_kept_when_omitted(sandbox: Client) -> None:
    """Of a poll too; an empty list means the usual ones again."""
    await poll(sandbox, allowed_updates=["callback_query"])
    await write(sandbox, "not wanted")
    assert await poll(sandbox) == []
    await poll(sandbox, allowed_updates=[])
    await write(sandbox, "wanted")
    assert texts(await poll(sandbox)) == ["wanted"]


async def test_a_question_before_a_payment_has_telegrams_shape_and_one_answer(sandbox: Client) -> None:
    """It is answered once, within ten seconds, and a refusal has to say why."""
    asked = await sandbox.check_out(1001, "the payload", 50)
    (update,) = await poll(sandbox)
    Update.model_validate(update)
    assert update["pre_checkout_query"] | {"from": None} == {
        "id": asked["id"],
        "from": None,
        "currency": "XTR",
        "total_amount": 50,
        "invoice_payload": "the payload",
    }
    answer = {"pre_checkout_query_id": asked["id"], "ok": False}
    assert (await api(sandbox, "answerPreCheckoutQuery", **answer)).status_code == 400
    assert (await api(sandbox, "answerPreCheckoutQuery", **answer, error_message="No")).json()["ok"]
    again = await api(sandbox, "answerPreCheckoutQuery", **answer, error_message="No")
    assert "query is too old" in again.json()["description"]
    (kept,) = await sandbox.checkouts()
    assert (kept["ok"], kept["error"]) == (False, "No")


async def polling(sandbox: Client) -> bool:
    return bool((await sandbox.get("/sandbox/state"))["bot"]["polling"])
