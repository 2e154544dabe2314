"""The provider's tasks from acceptance to callback; they survive a restart.

    accepted ─→ waiting ─→ queuing ─→ generating ─┬→ success ─→ callback
                                                  └→ fail ────→ callback
The first three are a matter of time (`state_of`); the last two are written down once, before anyone is told.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any, Final

import anyio
import httpx
from anyio.abc import TaskGroup, TaskStatus

from bot.sandbox.models import MODELS
from bot.sandbox.picture import draw
from bot.sandbox.records import Task
from bot.sandbox.world import World

CALLBACK_SECONDS: Final = 15.0
CALLBACK_WAITS: Final = (0.0, 1.0, 5.0)
"""A callback that is not answered with 2xx is sent three times."""
FETCH_SECONDS: Final = 10.0
"""How long a finished result is expected to be fetched; `sandbox say` waits that long for the bot."""
UNSIGNED: Final = "unsigned"
FAILURES: Final = {
    "422": "The input was rejected: prompt is not acceptable.",
    "429": "Too many tasks at once.",
    "500": "Internal Error, Please try again later.",
    "501": "Your request was flagged by our content moderation. Please change the prompt and try again.",
}


def state_of(task: Task, now: float) -> str:
    """Return the state that recordInfo tells."""
    if task.completed is not None:
        return "fail" if task.fail_code else "success"
    share = (now - task.created) / max(task.due - task.created, 0.001)
    return "waiting" if share < 0.1 else "queuing" if share < 0.25 else "generating"  # noqa: PLR2004 - parts of the wait


def signature(key: str, task_id: str, timestamp: str) -> str:
    """Return the callback's signature; it covers id and time only, as the provider's does."""
    digest = hmac.new(key.encode(), f"{task_id}.{timestamp}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class Tasks:
    """Works on every accepted task, one drawing at a time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._group: TaskGroup | None = None
        self._pen = anyio.CapacityLimiter(1)
        self._changed = anyio.Event()
        self._fetched: set[str] = set()

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Work until cancelled; woken by `submit` and by a change of the faults."""
        async with anyio.create_task_group() as self._group:
            self._world.faults.watch(self._change)
            for task in self._world.book.table(Task).values():
                if task.completed is None:
                    self._group.start_soon(self._work, task)
            task_status.started()
            await anyio.sleep_forever()

    async def submit(self, task: Task) -> None:
        """Accept a task: it is on disk when this returns."""
        async with self._world.book.writing():
            self._world.book.put(task)
        if self._group is not None:
            self._group.start_soon(self._work, task)

    def fetched(self, task_id: str) -> None:
        """Note that someone has fetched the result."""
        self._fetched.add(task_id)

    def is_busy(self, since: float) -> bool:
        """Whether a task created since then runs, or has a fresh result that was not fetched yet."""
        now = self._world.clock()
        return any(
            task.completed is None or (now - task.completed < FETCH_SECONDS and self._is_unfetched(task))
            for task in self._world.book.table(Task).values()
            if task.created >= since
        )

    def record(self, task: Task) -> dict[str, Any]:
        """Return the task as recordInfo and the callback tell it."""
        state = state_of(task, self._world.clock())
        url = f"{self._world.address}/kie/files/{task.result}"
        done = task.completed
        return {
            "taskId": task.id,
            "model": task.model,
            "state": state,
            "param": task.param,
            "resultJson": json.dumps({"resultUrls": [url]}) if state == "success" else "",
            "failCode": task.fail_code if state == "fail" else None,
            "failMsg": FAILURES.get(task.fail_code, "The generation failed.") if state == "fail" else None,
            "costTime": _ms(done) - _ms(task.created) if done else None,
            "completeTime": _ms(done) if done else None,
            "createTime": _ms(task.created),
            "updateTime": _ms(done or self._world.clock()),
            "creditsConsumed": task.credits if done else None,
            "progress": 100 if done else {"waiting": 0, "queuing": 10, "generating": 50}[state],
        }

    def _change(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def _is_unfetched(self, task: Task) -> bool:
        return not (task.fail_code or task.url_is_dead or task.id in self._fetched)

    async def _work(self, task: Task) -> None:
        """Draw, wait until the task is due and not held back, write the end down, call back; then it ends."""
        if not task.fail_code:
            picture = await anyio.to_thread.run_sync(draw, task.prompt, task.aspect_ratio, limiter=self._pen)
            task = replace(task, result=f"{task.id}.jpg", credits=MODELS[task.model].credits)
            await anyio.Path(self._world.results / task.result).write_bytes(picture)
        await anyio.sleep(max(0.0, task.due - self._world.clock()))
        while self._world.faults.get("provider_stuck"):
            await self._changed.wait()
        async with self._world.book.writing():
            task = replace(task, completed=self._world.clock())
            desk = self._world.chats.desk
            self._world.book.put(task)
            self._world.book.put(replace(desk, credit=round(desk.credit - task.credits, 3)))
        if task.callback_url and not self._world.faults.take("provider_no_callback"):
            for _ in range(1 + int(self._world.faults.number("provider_duplicate_callback", "take"))):
                task = await self._call_back(task)

    async def _call_back(self, task: Task) -> Task:
        """Send one callback, up to three times; note how it went."""
        record = self.record(task)
        failed = record["state"] == "fail"
        body = {
            "code": 501 if failed else 200,
            "msg": "Playground task failed." if failed else "Playground task completed successfully.",
            "data": record,
        }
        for wait in CALLBACK_WAITS:
            await anyio.sleep(wait)
            status = await self._post(task, body)
            task = replace(task, callbacks=task.callbacks + 1, callback_status=status)
            async with self._world.book.writing():
                self._world.book.put(task)
            if status.startswith("2"):
                break
        return task

    async def _post(self, task: Task, body: dict[str, Any]) -> str:
        timestamp = str(int(self._world.clock()))
        key = str(self._world.faults.get("provider_callback_key"))
        signed = {"X-Webhook-Timestamp": timestamp, "X-Webhook-Signature": signature(key, task.id, timestamp)}
        headers = {} if key == UNSIGNED else signed
        try:
            with anyio.fail_after(CALLBACK_SECONDS):
                answer = await self._world.client.post(task.callback_url, json=body, headers=headers)
        except (TimeoutError, httpx.HTTPError) as error:
            return type(error).__name__
        return str(answer.status_code)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
