"""The provider's wire, and each of its faults."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from bot.sandbox.client import Client, connected
from bot.sandbox.hints import signature
from bot.sandbox.testing import Hook, running, until

INPUT = {"prompt": "a red fox in snow", "aspect_ratio": "16:9"}


class Provider:
    """A client of the provider."""

    def __init__(self, sandbox: Client) -> None:
        self.sandbox = sandbox

    async def post(self, body: object, key: str = "key") -> httpx.Response:
        """Call createTask."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        url = f"{self.sandbox.address}/kie/api/v1/jobs/createTask"
        return await self.sandbox.http.post(url, json=body, headers=headers)

    async def create(self, **more: Any) -> str:
        """Create a task and return its id."""
        answer = (await self.post({"model": "z-image", "input": INPUT} | more)).json()
        assert answer["code"] == 200, answer
        return str(answer["data"]["taskId"])

    async def get(self, path: str, **query: str) -> httpx.Response:
        """Read."""
        url = f"{self.sandbox.address}/kie{path}"
        return await self.sandbox.http.get(url, params=query, headers={"Authorization": "Bearer key"})

    async def info(self, task_id: str) -> dict[str, Any]:
        """Call recordInfo."""
        value: dict[str, Any] = (await self.get("/api/v1/jobs/recordInfo", taskId=task_id)).json()["data"]
        return value

    def ended(self, task_id: str) -> Callable[[], Awaitable[bool]]:
        """A condition: the task is in a terminal state."""

        async def is_ended() -> bool:
            return (await self.info(task_id))["state"] in ("success", "fail")

        return is_ended

    async def count(self) -> int:
        """How many tasks there are."""
        return len(await self.sandbox.tasks())


@pytest.fixture
async def provider(sandbox: Client) -> Provider:
    """The provider, without its usual two seconds."""
    await sandbox.set_faults(provider_latency=0)
    return Provider(sandbox)


async def test_a_task_ends_in_a_picture_of_the_asked_shape(provider: Provider, sandbox: Client) -> None:
    """The result is JSON in a string, times are milliseconds, the credit went down by the price."""
    task_id = await provider.create()
    await until(provider.ended(task_id), "the task ends")
    data = await provider.info(task_id)
    assert (data["taskId"], data["model"], data["state"]) == (task_id, "z-image", "success")
    assert json.loads(data["param"])["input"] == INPUT
    assert data["createTime"] > 1_600_000_000_000
    assert data["completeTime"] - data["createTime"] == data["costTime"]
    assert data["creditsConsumed"] == 0.8
    (url,) = json.loads(data["resultJson"])["resultUrls"]
    picture = (await sandbox.http.get(url)).content
    with Image.open(io.BytesIO(picture)) as image:
        assert (image.format, image.size) == ("JPEG", (1280, 720))
    assert (await provider.get("/api/v1/chat/credit")).json() == {"code": 200, "msg": "success", "data": 9999.2}


async def test_a_task_passes_through_the_states_in_order(provider: Provider, sandbox: Client) -> None:
    """waiting, queuing, generating, success; nothing else, never back."""
    await sandbox.set_faults(provider_latency=0.8)
    task_id = await provider.create()
    seen: list[str] = []

    async def ended() -> bool:
        seen.append((await provider.info(task_id))["state"])
        return seen[-1] == "success"

    await until(ended, "success")
    assert seen == sorted(seen, key=["waiting", "queuing", "generating", "success"].index)
    assert len(set(seen)) > 1


@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        ({}, 422, "model"),
        ({"model": "z-imagine", "input": INPUT}, 422, "z-imagine"),
        ({"model": "z-image"}, 422, "input"),
        ({"model": "z-image", "input": {"aspect_ratio": "1:1"}}, 422, "prompt"),
        ({"model": "z-image", "input": INPUT | {"prompt": "x" * 1001}}, 422, "prompt"),
        ({"model": "z-image", "input": {"prompt": "fox"}}, 422, "aspect_ratio"),
        ({"model": "z-image", "input": INPUT | {"aspect_ratio": "2:1"}}, 422, "aspect_ratio"),
        ({"model": "z-image", "input": INPUT, "callBackUrl": "https://example.com/cb"}, 422, "callBackUrl"),
    ],
)
async def test_a_bad_task_is_refused_inside_http_200_naming_the_field(
    provider: Provider, body: dict[str, Any], code: int, named: str
) -> None:
    """Nothing is created."""
    answer = await provider.post(body)
    assert (answer.status_code, answer.json()["code"]) == (200, code)
    assert named in answer.json()["msg"]
    assert await provider.count() == 0


async def test_without_a_key_nothing_is_answered(provider: Provider) -> None:
    """401 inside HTTP 200."""
    answer = await provider.post({"model": "z-image", "input": INPUT}, key="")
    assert (answer.status_code, answer.json()["code"]) == (200, 401)


async def test_the_callback_is_signed_and_says_what_record_info_says(
    provider: Provider, sandbox: Client, hook: Hook
) -> None:
    """The signature covers task id and time with the key that is set."""
    await sandbox.set_faults(provider_callback_key="k3y")
    task_id = await provider.create(callBackUrl=hook.url)
    await hook.wait(1)
    body, headers = hook.got[0], hook.headers[0]
    assert (body["code"], body["data"]["taskId"], body["data"]["state"]) == (200, task_id, "success")
    assert json.loads(body["data"]["resultJson"])["resultUrls"]
    assert headers["x-webhook-signature"] == signature("k3y", task_id, headers["x-webhook-timestamp"])
    await sandbox.set_faults(provider_callback_key="unsigned")
    await provider.create(callBackUrl=hook.url)
    await hook.wait(2)
    assert "x-webhook-signature" not in hook.headers[1]


@pytest.mark.parametrize("code", [402, 422, 429, 501])
async def test_a_refusal_creates_nothing(provider: Provider, sandbox: Client, code: int) -> None:
    """`provider_refuse` answers its code inside HTTP 200, as often as it is told to."""
    await sandbox.set_faults(provider_refuse=f"{code}*1")
    answer = await provider.post({"model": "z-image", "input": INPUT})
    assert (answer.status_code, answer.json()["code"]) == (200, code)
    assert await provider.count() == 0
    await provider.create()
    assert await provider.count() == 1


async def test_a_broken_server_creates_nothing(provider: Provider, sandbox: Client) -> None:
    """`provider_http` before acceptance; `provider_poll_http` and `provider_down` for the rest."""
    await sandbox.set_faults(provider_http="503*1", provider_poll_http="500*1")
    assert (await provider.post({"model": "z-image", "input": INPUT})).status_code == 503
    assert await provider.count() == 0
    assert (await provider.get("/api/v1/jobs/recordInfo", taskId="x")).status_code == 500
    assert (await provider.get("/api/v1/jobs/recordInfo", taskId="x")).json()["code"] == 404
    await sandbox.set_faults(provider_down=502)
    assert (await provider.get("/api/v1/chat/credit")).status_code == 502


async def test_a_lost_reply_leaves_exactly_one_task(provider: Provider, sandbox: Client) -> None:
    """The client never learns the id; the task succeeds all the same."""
    await sandbox.set_faults(provider_lose_reply="0*1")
    assert (await provider.post({"model": "z-image", "input": INPUT})).status_code == 504
    assert await provider.count() == 1
    (task,) = await sandbox.tasks()
    await until(provider.ended(task["id"]), "success")


async def test_a_failing_task_says_why_and_costs_nothing(provider: Provider, sandbox: Client, hook: Hook) -> None:
    """The failCode is a string; the callback's code is 501."""
    await sandbox.set_faults(provider_fail="501*1")
    task_id = await provider.create(callBackUrl=hook.url)
    await hook.wait(1)
    data = await provider.info(task_id)
    assert (data["state"], data["failCode"], data["resultJson"], data["creditsConsumed"]) == ("fail", "501", "", 0.0)
    assert re.search("moderation", data["failMsg"])
    assert hook.got[0]["code"] == 501


async def test_a_dead_result_url_is_not_found(provider: Provider, sandbox: Client) -> None:
    """The task says success, its file is gone."""
    await sandbox.set_faults(provider_dead_url="on*1")
    task_id = await provider.create()
    await until(provider.ended(task_id), "the task ends")
    (url,) = json.loads((await provider.info(task_id))["resultJson"])["resultUrls"]
    assert (await sandbox.http.get(url)).status_code == 404


async def test_callbacks_can_come_twice_or_never(provider: Provider, sandbox: Client, hook: Hook) -> None:
    """`provider_duplicate_callback` and `provider_no_callback`."""
    await sandbox.set_faults(provider_duplicate_callback="1*1")
    await provider.create(callBackUrl=hook.url)
    await hook.wait(2)
    assert hook.got[0]["data"]["taskId"] == hook.got[1]["data"]["taskId"]
    await sandbox.set_faults(provider_no_callback="on")
    silent = await provider.create(callBackUrl=hook.url)
    await until(provider.ended(silent), "the task ends")
    assert len(hook.got) == 2


async def test_a_stuck_task_succeeds_late(provider: Provider, sandbox: Client) -> None:
    """It generates for as long as the fault is on, then succeeds."""
    await sandbox.set_faults(provider_stuck="on")
    task_id = await provider.create()
    assert (await provider.info(task_id))["state"] == "generating"
    await sandbox.set_faults(provider_stuck=None)
    await until(provider.ended(task_id), "success")
    assert (await provider.info(task_id))["state"] == "success"


async def test_too_many_new_tasks_are_rejected(provider: Provider, sandbox: Client) -> None:
    """`provider_rate_limit` answers code 429; what is rejected is not queued."""
    await sandbox.set_faults(provider_rate_limit=2)
    codes = [(await provider.post({"model": "z-image", "input": INPUT})).json()["code"] for _ in range(3)]
    assert codes == [200, 200, 429]
    assert await provider.count() == 2


async def test_tasks_survive_a_restart(home: Path) -> None:
    """An accepted task is finished by the next run."""
    async with running(home) as address, connected(address) as client:
        await client.set_faults(provider_latency=1)
        task_id = await Provider(client).create()
    async with running(home) as address, connected(address) as client:
        await until(Provider(client).ended(task_id), "success")


async def test_a_wrong_fault_changes_nothing_and_is_explained(sandbox: Client) -> None:
    """All problems are named at once; nothing of the request is applied."""
    wrong = {"provider_latency": "1", "provider_refuse": "200", "provider_reluctance": "5"}
    answer = await sandbox.http.post(f"{sandbox.address}/sandbox/faults", json=wrong)
    assert answer.status_code == 400
    assert "provider_refuse takes" in answer.json()["description"]
    assert "no fault 'provider_reluctance'" in answer.json()["description"]
    faults = {fault["name"]: fault for fault in await sandbox.faults()}
    assert (faults["provider_latency"]["value"], faults["provider_latency"]["set"]) == (2.0, False)
