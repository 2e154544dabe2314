"""The provider's HTTP wire under `/kie`: creating and records of each family, credit, files; errors inside HTTP 200."""

from __future__ import annotations

import json
import mimetypes
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bot.sandbox import inputs
from bot.sandbox.loopback import is_loopback_url
from bot.sandbox.models import MODELS, Model, count_of, problem, prompt_of, shape_of
from bot.sandbox.records import Task
from bot.sandbox.tasks import Tasks
from bot.sandbox.uploads import Uploads
from bot.sandbox.world import World

OK: Final = 200
RATE_SECONDS: Final = 10.0
NOWHERE: Final = ".invalid"
"""Addresses in this domain lead nowhere (RFC 2606): taken for callbacks, never called."""

PATHS: Final[Mapping[str, tuple[str, str]]] = {
    "market": ("/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo"),
    "veo": ("/api/v1/veo/generate", "/api/v1/veo/record-info"),
    "suno": ("/api/v1/generate", "/api/v1/generate/record-info"),
    "runway": ("/api/v1/runway/generate", "/api/v1/runway/record-detail"),
    "gpt4o": ("/api/v1/gpt4o-image/generate", "/api/v1/gpt4o-image/record-info"),
    "kontext": ("/api/v1/flux/kontext/generate", "/api/v1/flux/kontext/record-info"),
}
"""Where each family's tasks are created, and where their records are read."""

UNNAMED: Final = {"runway": "runway", "gpt4o": "gpt4o-image"}
"""The one model of a family whose bodies name none."""

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
MODERATED: Final = "The prompt violates our content policy: sensitive content."


class Provider:
    """Serves the wire; the tasks themselves are worked on by `Tasks`."""

    def __init__(self, world: World, tasks: Tasks) -> None:
        self._world = world
        self._tasks = tasks
        self._uploads = Uploads(world)
        self._created: deque[float] = deque()

    def routes(self) -> list[BaseRoute]:
        """Return the provider's routes."""
        routes: list[BaseRoute] = [
            Route("/api/v1/chat/credit", self._credit, methods=["GET"]),
            Route("/api/file-stream-upload", self._upload, methods=["POST"]),
            Route("/uploads/{name}", self._uploads.give, methods=["GET"]),
            Route("/files/{name}", self._file, methods=["GET"]),
        ]
        for family, (create, record) in PATHS.items():
            routes.append(Route(create, _bound(self._create, family), methods=["POST"]))
            routes.append(Route(record, _bound(self._info, family), methods=["GET"]))
        return [Mount("/kie", routes=routes)]

    async def _create(self, family: str, request: Request) -> Response:
        if refusal := self._refusal(request, "provider_http"):
            return refusal
        body = await _json(request)
        model_id, given = ordered(family, body)
        if rejection := self._rejection(family, body, model_id, given):
            return rejection
        model = MODELS[family, str(model_id)]
        found = await inputs.look(self._world.client, model, given)
        price = model.price(given, found.seconds)
        if refused := found.refusal or self._shortage(price):
            return _answer(*refused)
        task = self._task(body, model, given, price)
        await self._tasks.submit(task)
        held = self._world.faults.take("provider_lose_reply")
        if held is not None:
            await anyio.sleep(float(held))
            return _broken(504)
        return _told(_answer(OK, data={"taskId": task.id}), str(self._world.faults.take("provider_malformed") or ""))

    def _rejection(self, family: str, body: Mapping[str, Any], model_id: object, given: Any) -> Response | None:
        """Return why no task is made of this body, None when one is."""
        faults = self._world.faults
        if text := problem(family, model_id, given) or _callback_problem(family, body.get("callBackUrl")):
            return _answer(422, text)
        if code := faults.take("provider_refuse"):
            return _answer(int(code))
        if faults.take("provider_moderate"):
            return _answer(422, MODERATED)
        return None

    async def _info(self, family: str, request: Request) -> Response:
        if refusal := self._refusal(request, "provider_poll_http"):
            return refusal
        if code := self._world.faults.take("provider_poll_refuse"):
            return _answer(int(code))
        task_id = request.query_params.get("taskId", "")
        if not task_id:
            return _answer(422, "taskId is required")
        task = self._world.book.get(Task, task_id)
        if task is None or task.family != family:
            return _answer(404, "taskId not found")
        malformed = str(self._world.faults.take("provider_poll_malformed") or "")
        record = self._tasks.record(task, without_result=malformed == "no_result")
        return _told(_answer(OK, data=record), malformed)

    async def _credit(self, request: Request) -> Response:
        return self._refusal(request) or _answer(OK, data=self._balance())

    async def _upload(self, request: Request) -> Response:
        return self._refusal(request, "provider_upload_http") or await self._uploads.take(request)

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        task = self._world.book.get(Task, name.partition("-")[0])
        if task is None or task.completed is None or task.url_is_dead or name not in task.results:
            return JSONResponse({"code": 404, "msg": "Not Found"}, 404)
        if down := self._world.faults.get("provider_down"):
            return _broken(int(down))
        self._tasks.fetched(task.id)
        return FileResponse(self._world.results / name, media_type=mimetypes.guess_type(name)[0])

    def _refusal(self, request: Request, fault: str = "") -> Response | None:
        """Return what ends the call before it is looked at, None when nothing does."""
        faults = self._world.faults
        if status := faults.take("provider_down") or (fault and faults.take(fault)):
            return _broken(int(status))
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        is_known = scheme.lower() == "bearer" and key.strip() and not faults.take("provider_key_wrong")
        return None if is_known else _answer(401)

    def _balance(self) -> float:
        return 0.0 if self._world.faults.get("provider_no_credit") else self._world.chats.desk.credit

    def _shortage(self, price: float) -> tuple[int, str] | None:
        """Return what a good order still lacks: credit, or its turn."""
        if self._balance() < price:
            return 402, ""
        return (429, "") if self._is_too_fast() else None

    def _is_too_fast(self) -> bool:
        limit, now = int(self._world.faults.number("provider_rate_limit")), anyio.current_time()
        while self._created and now - self._created[0] > RATE_SECONDS:
            self._created.popleft()
        if limit and len(self._created) >= limit:
            return True
        self._created.append(now)
        return False

    def _task(self, body: dict[str, Any], model: Model, given: Mapping[str, Any], price: float) -> Task:
        now, faults = self._world.clock(), self._world.faults
        return Task(
            id=uuid.uuid4().hex,
            family=model.family,
            model=model.id,
            medium=model.medium,
            # A chat may send half of a surrogate pair, which no file takes.
            prompt=prompt_of(model, given).encode(errors="replace").decode(),
            aspect_ratio=shape_of(given),
            count=count_of(model, given),
            price=price,
            param=json.dumps(body),
            callback_url=body.get("callBackUrl") or "",
            created=now,
            due=now + faults.number("provider_latency", "take"),
            fail_code=str(faults.take("provider_fail") or ""),
            url_is_dead=bool(faults.take("provider_dead_url")),
        )


def _bound(
    handler: Callable[[str, Request], Awaitable[Response]], family: str
) -> Callable[[Request], Awaitable[Response]]:
    return partial(handler, family)


def ordered(family: str, body: Mapping[str, Any]) -> tuple[object, Any]:
    """Return which model is asked for, and the inputs: wrapped by the market, beside the rest in other families."""
    if family == "market":
        return body.get("model"), body.get("input")
    given = {name: value for name, value in body.items() if name != "callBackUrl"}
    return (UNNAMED[family], given) if family in UNNAMED else (given.pop("model", None), given)


def _callback_problem(family: str, callback: object) -> str:
    if not callback:
        return "callBackUrl is required" if family == "suno" else ""
    if isinstance(callback, str) and (is_loopback_url(callback) or callback.rstrip("/").endswith(NOWHERE)):
        return ""
    return "callBackUrl must be an address of this machine: the sandbox calls no other"


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _answer(code: int, text: str = "", data: object = None) -> Response:
    message = text or ("success" if code == OK else MESSAGES.get(code, "Error"))
    return JSONResponse({"code": code, "msg": message, "data": data})


def _told(answer: Response, malformed: str) -> Response:
    """Return the answer, spoilt in the way that is asked for."""
    match malformed:
        case "html":
            return HTMLResponse("<!doctype html><title>Please stand by</title>")
        case "cut":
            return Response(bytes(answer.body)[: len(answer.body) // 2], media_type="application/json")
        case "list":
            return JSONResponse([])
        case "no_data":
            return _answer(OK)
        case _:
            return answer


def _broken(status: int) -> Response:
    return JSONResponse({"code": status, "msg": MESSAGES.get(status, "Server exception")}, status)
