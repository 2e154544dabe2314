"""The provider's HTTP wire under `/kie`: createTask, recordInfo, credit, result files; errors come inside HTTP 200."""

from __future__ import annotations

import json
import uuid
from collections import deque
from typing import Any, Final

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bot.sandbox.loopback import is_loopback_url
from bot.sandbox.models import MODELS, first_words, problem
from bot.sandbox.records import Task
from bot.sandbox.tasks import Tasks
from bot.sandbox.world import World

RATE_SECONDS: Final = 10.0
MESSAGES: Final = {
    400: "Bad Request",
    401: "You do not have access permissions",
    402: "Credits insufficient",
    404: "Not Found",
    408: "Upstream timed out",
    422: "Validation Error",
    429: "Your call frequency is too high. Please try again later.",
    433: "Callback error",
    451: "Failed to fetch the image",
    455: "The service is currently being maintained",
    500: "Server exception, please try again later or contact customer service",
    501: "Generation failed",
    505: "This feature is currently disabled",
    531: "Server exception, credits refunded",
}


class Provider:
    """Serves the wire; the tasks themselves are worked on by `Tasks`."""

    def __init__(self, world: World, tasks: Tasks) -> None:
        self._world = world
        self._tasks = tasks
        self._created: deque[float] = deque()

    def routes(self) -> list[BaseRoute]:
        """Return the provider's routes."""
        return [
            Mount(
                "/kie",
                routes=[
                    Route("/api/v1/jobs/createTask", self._create, methods=["POST"]),
                    Route("/api/v1/jobs/recordInfo", self._info, methods=["GET"]),
                    Route("/api/v1/chat/credit", self._credit, methods=["GET"]),
                    Route("/files/{name}", self._file, methods=["GET"]),
                ],
            )
        ]

    async def _create(self, request: Request) -> Response:
        if refusal := self._refusal(request, "provider_http"):
            return refusal
        body = await _json(request)
        if rejection := self._rejection(body):
            return rejection
        task = self._task(body)
        await self._tasks.submit(task)
        held = self._world.faults.take("provider_lose_reply")
        if held is not None:
            await anyio.sleep(float(held))
            return _broken(504)
        return _answer(200, data={"taskId": task.id})

    def _rejection(self, body: dict[str, Any]) -> Response | None:
        """Return why no task is made of this body, None when one is."""
        callback = body.get("callBackUrl") or ""
        if text := problem(body.get("model"), body.get("input")):
            return _answer(422, text)
        if callback and not (isinstance(callback, str) and is_loopback_url(callback)):
            return _answer(422, "callBackUrl must be an address of this machine: the sandbox calls no other")
        if code := self._world.faults.take("provider_refuse"):
            return _answer(int(code))
        if self._world.chats.desk.credit < MODELS[body["model"]].credits:
            return _answer(402)
        return _answer(429) if self._is_too_fast() else None

    async def _info(self, request: Request) -> Response:
        if refusal := self._refusal(request, "provider_poll_http"):
            return refusal
        task_id = request.query_params.get("taskId", "")
        if not task_id:
            return _answer(422, "taskId is required")
        task = self._world.book.get(Task, task_id)
        return _answer(200, data=self._tasks.record(task)) if task else _answer(404, "taskId not found")

    async def _credit(self, request: Request) -> Response:
        return self._refusal(request) or _answer(200, data=self._world.chats.desk.credit)

    async def _file(self, request: Request) -> Response:
        task = self._world.book.get(Task, request.path_params["name"].removesuffix(".jpg"))
        if task is None or task.completed is None or task.fail_code or task.url_is_dead:
            return JSONResponse({"code": 404, "msg": "Not Found"}, 404)
        if down := self._world.faults.get("provider_down"):
            return _broken(int(down))
        self._tasks.fetched(task.id)
        return FileResponse(self._world.results / task.result, media_type="image/jpeg")

    def _refusal(self, request: Request, fault: str = "") -> Response | None:
        """Return what ends the call before it is looked at, None when nothing does."""
        if status := self._world.faults.take("provider_down") or (fault and self._world.faults.take(fault)):
            return _broken(int(status))
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        return None if scheme.lower() == "bearer" and key.strip() else _answer(401)

    def _is_too_fast(self) -> bool:
        limit, now = int(self._world.faults.number("provider_rate_limit")), anyio.current_time()
        while self._created and now - self._created[0] > RATE_SECONDS:
            self._created.popleft()
        if limit and len(self._created) >= limit:
            return True
        self._created.append(now)
        return False

    def _task(self, body: dict[str, Any]) -> Task:
        prompt, aspect_ratio = first_words(body["input"])
        now, faults = self._world.clock(), self._world.faults
        return Task(
            id=uuid.uuid4().hex,
            model=body["model"],
            prompt=prompt,
            aspect_ratio=aspect_ratio,
            param=json.dumps(body, ensure_ascii=False),
            callback_url=body.get("callBackUrl") or "",
            created=now,
            due=now + faults.number("provider_latency", "take"),
            fail_code=str(faults.take("provider_fail") or ""),
            url_is_dead=bool(faults.take("provider_dead_url")),
        )


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _answer(code: int, text: str = "", data: object = None) -> Response:
    message = text or ("success" if code == 200 else MESSAGES.get(code, "Error"))  # noqa: PLR2004 - the wire's own code
    return JSONResponse({"code": code, "msg": message, "data": data})


def _broken(status: int) -> Response:
    return JSONResponse({"code": status, "msg": MESSAGES.get(status, "Server exception")}, status)
