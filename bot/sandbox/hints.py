"""The provider's callbacks: sent when a task has moved, repeated while nobody takes them, forged when asked to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from dataclasses import replace
from typing import Any, Final

import anyio
import httpx

from bot.sandbox.envelopes import Story, callback
from bot.sandbox.loopback import is_loopback_url
from bot.sandbox.records import Task
from bot.sandbox.world import World

SECONDS: Final = 15.0
WAITS: Final = (0.0, 1.0, 5.0)
"""A callback that is not answered with 2xx is sent three times."""
UNSIGNED: Final = "unsigned"
OLD_SECONDS: Final = 3600
FORGED_URL: Final = "http://127.0.0.1:9/forged"


def signature(key: str, task_id: str, timestamp: str) -> str:
    """Return the callback's signature; it covers id and time only, as the provider's does."""
    digest = hmac.new(key.encode(), f"{task_id}.{timestamp}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class Hints:
    """Tells of tasks, at the addresses that came with them."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def early(self, task: Task, story: Story) -> None:
        """Tell once that a part is done; nothing has ended."""
        if self._is_told(task):
            await self._post(task, callback(story, "text"), self._signed(task.id))

    async def end(self, task: Task, story: Story) -> None:
        """Tell of the end, as often as the faults say; note how it went."""
        if not self._is_told(task) or self._world.faults.take("provider_no_callback"):
            return
        if forged := str(self._world.faults.take("provider_forged_callback") or ""):
            status = await self._forge(task, forged)
            task = await self._note(replace(task, forged_status=status))
        for _ in range(1 + int(self._world.faults.number("provider_duplicate_callback", "take"))):
            task = await self._insist(task, callback(story))

    def _is_told(self, task: Task) -> bool:
        # Families that demand an address are given one that leads nowhere by those who have none.
        return bool(task.callback_url) and is_loopback_url(task.callback_url)

    async def _insist(self, task: Task, body: dict[str, Any]) -> Task:
        """Send one callback, up to three times."""
        for wait in WAITS:
            await anyio.sleep(wait)
            status = await self._post(task, body, self._signed(task.id))
            task = await self._note(replace(task, callbacks=task.callbacks + 1, callback_status=status))
            if status.startswith("2"):
                break
        return task

    async def _forge(self, task: Task, kind: str) -> str:
        """Send what only a forger would: a success that did not happen, where the real callback goes."""
        claimed = replace(task, id=uuid.uuid4().hex) if kind == "task" else task
        body = callback(Story(replace(claimed, fail_code=""), "success", self._world.clock(), [FORGED_URL]))
        headers = self._signed(claimed.id, age=OLD_SECONDS if kind == "time" else 0)
        if kind == "signature":
            timestamp = headers.get("X-Webhook-Timestamp", "0")
            headers["X-Webhook-Signature"] = signature("a forger's key", claimed.id, timestamp)
        return await self._post(task, body, headers)

    def _signed(self, task_id: str, age: int = 0) -> dict[str, str]:
        timestamp = str(int(self._world.clock()) - age)
        key = str(self._world.faults.get("provider_callback_key"))
        if key == UNSIGNED:
            return {}
        return {"X-Webhook-Timestamp": timestamp, "X-Webhook-Signature": signature(key, task_id, timestamp)}

    async def _note(self, task: Task) -> Task:
        async with self._world.book.writing():
            self._world.book.put(task)
        return task

    async def _post(self, task: Task, body: dict[str, Any], headers: dict[str, str]) -> str:
        try:
            with anyio.fail_after(SECONDS):
                answer = await self._world.client.post(task.callback_url, json=body, headers=headers)
        except (TimeoutError, httpx.HTTPError) as error:
            return type(error).__name__
        return str(answer.status_code)
