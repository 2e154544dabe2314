"""The provider's callbacks, the true ones and the forged ones, for every family."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import Response

from bot.generation import callback
from bot.providers import kie
from bot.providers.base import Order, Provider
from bot.sandbox.hints import signature
from bot.sandbox.testing import until
from tests.contract.bot.providers.conftest import KEY, ORDERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.sandbox.client import Client
    from bot.sandbox.testing import Hook

CALLBACK_KEY = "k3y"


@pytest.fixture
async def families(sandbox: Client) -> AsyncIterator[Any]:
    """The bot's side of the provider; tasks take no time."""
    await sandbox.set_faults(provider_latency=0, provider_callback_key=CALLBACK_KEY)
    async with kie.client(f"{sandbox.address}/kie", KEY) as http:
        yield kie.families(http)


async def _ordered(provider: Provider, family: str, hook: Hook) -> str:
    order = ORDERS[family]
    return await provider.create(Order(order.model_id, order.inputs, hook.url))


def _is_signed(hook: Hook, number: int, task_id: str) -> bool:
    headers = hook.headers[number]
    return headers["x-webhook-signature"] == signature(CALLBACK_KEY, task_id, headers["x-webhook-timestamp"])


@pytest.mark.parametrize("family", ORDERS)
async def test_every_family_s_callback_names_its_task_where_we_look(
    families: Any, sandbox: Client, hook: Hook, family: str
) -> None:
    """Signed, of success and of failure; Suno tells of a part first."""
    await sandbox.set_faults(provider_fail="500*1")
    before = 1 if family == "suno" else 0
    for number, code in ((1, 501), (2, 200)):
        task_id = await _ordered(families[family], family, hook)
        await hook.wait(number * (1 + before))
        told = hook.got[-1]
        assert callback.task_id(json.dumps(told).encode()) == task_id
        assert told["code"] == code
        assert _is_signed(hook, -1, task_id)


async def test_music_without_a_callback_is_refused(sandbox: Client) -> None:
    """Suno's wire demands one, though it may lead nowhere; an address of another machine is never taken."""
    body = {"model": "V4", **ORDERS["suno"].inputs}
    for more, code in (
        ({}, 422),
        ({"callBackUrl": "https://example.com/cb"}, 422),
        ({"callBackUrl": "https://x.invalid/"}, 200),
    ):
        answer = await sandbox.http.post(
            f"{sandbox.address}/kie/api/v1/generate", json=body | more, headers={"Authorization": "Bearer key"}
        )
        assert answer.json()["code"] == code


async def test_music_tells_of_its_words_before_anything_has_ended(families: Any, sandbox: Client, hook: Hook) -> None:
    """A callback alone is no end."""
    await sandbox.set_faults(provider_stuck="on")
    await _ordered(families["suno"], "suno", hook)
    await hook.wait(1)
    assert hook.got[0]["data"]["callbackType"] == "text"
    await sandbox.set_faults(provider_stuck=None)
    await hook.wait(2)
    assert hook.got[1]["data"]["callbackType"] == "complete"


@pytest.mark.parametrize("kind", ["task", "signature", "time"])
async def test_a_forged_callback_comes_first_and_claims_a_success(
    families: Any, sandbox: Client, hook: Hook, kind: str
) -> None:
    """Each differs from the true one in one thing; what it was answered with is noted."""
    hook.answer = lambda _: Response(status_code=403 if len(hook.got) == 1 else 200)
    await sandbox.set_faults(provider_forged_callback=f"{kind}*1", provider_fail="500*1")
    task_id = await _ordered(families["market"], "market", hook)
    await hook.wait(2)
    forged, true = hook.got
    named, age = forged["data"]["taskId"], int(hook.headers[1]["x-webhook-timestamp"])
    assert (forged["data"]["state"], true["data"]["state"]) == ("success", "fail")
    assert (named != task_id) == (kind == "task")
    assert _is_signed(hook, 0, named) == (kind != "signature")
    assert (age - int(hook.headers[0]["x-webhook-timestamp"]) > 3000) == (kind == "time")

    async def is_noted() -> bool:
        (task,) = await sandbox.tasks()
        return (task["forged_status"], task["callback_status"]) == ("403", "200")

    await until(is_noted, "both answers are noted")
