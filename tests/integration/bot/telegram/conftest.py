"""A Bot API on loopback that answers as a test tells it, and terms on a real database."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from pydantic import HttpUrl, SecretStr
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.settings import BotSettings
from supervisor.clock import boottime
from supervisor.fence import FencedDatabase
from supervisor.http import HttpServer, bind
from supervisor.term import Term
from tests.integration.children import running

LOCK_KEY = 13
TOKEN = "123456:an-invented-token-that-opens-nothing"
DEADLINE_SECONDS = 10.0

Answer = Callable[[dict[str, Any]], Awaitable[Response]]
ME = {"id": 123456, "is_bot": True, "first_name": "Bot", "username": "a_bot"}


def ok(result: object) -> Response:
    """Answer as Telegram does when it did what it was asked."""
    return JSONResponse({"ok": True, "result": result})


def refused(code: int, description: str, **parameters: object) -> Answer:
    """Answer as Telegram does when it did not."""
    body = {"ok": False, "error_code": code, "description": description}

    async def answer(_: dict[str, Any]) -> Response:
        return JSONResponse(body | ({"parameters": parameters} if parameters else {}), code)

    return answer


async def hang(_: dict[str, Any]) -> Response:
    """Take the call and never answer it."""
    await anyio.sleep_forever()
    raise AssertionError


@dataclass
class Api:
    """The server: what it was asked, and what it answers next."""

    url: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    scripts: dict[tuple[str, int | None], list[Answer]] = field(default_factory=dict)
    webhook: dict[str, Any] = field(default_factory=lambda: {"url": "", "pending_update_count": 0})
    messages: int = 100
    closing: anyio.Event = field(default_factory=anyio.Event)

    def script(self, method: str, *answers: Answer, chat_id: int | None = None) -> None:
        """Answer the next calls of this method (to this chat) so; then as usual again."""
        self.scripts.setdefault((method, chat_id), []).extend(answers)

    def made(self, method: str) -> list[dict[str, Any]]:
        """Return the parameters of every call of this method."""
        return [parameters for name, parameters in self.calls if name == method]

    async def wait(self, method: str, number: int = 1) -> list[dict[str, Any]]:
        """Return once this method was called so often."""
        with anyio.fail_after(DEADLINE_SECONDS):
            while len(self.made(method)) < number:
                await anyio.lowlevel.checkpoint()
        return self.made(method)

    async def answer(self, request: Request) -> Response:
        """Answer one call."""
        method = request.path_params["method"]
        if request.path_params["token"] != TOKEN:
            return await refused(401, "Unauthorized")({})
        parameters = await _parameters(request)
        self.calls.append((method, parameters))
        chat_id = int(parameters["chat_id"]) if "chat_id" in parameters else None
        for key in ((method, chat_id), (method, None)):
            if self.scripts.get(key):
                return await self._scripted(self.scripts[key].pop(0), parameters)
        return ok(self._result(method, parameters))

    async def _scripted(self, answer: Answer, parameters: dict[str, Any]) -> Response:
        """Answer by the script, unless the test is over."""
        answers = [Response(status_code=503)]

        async def go_on(scope: anyio.CancelScope) -> None:
            answers.insert(0, await answer(parameters))
            scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(go_on, group.cancel_scope)
            await self.closing.wait()
            group.cancel_scope.cancel()
        return answers[0]

    def _result(self, method: str, parameters: dict[str, Any]) -> object:
        if method == "getMe":
            return ME
        if method == "getWebhookInfo":
            return {"has_custom_certificate": False} | self.webhook
        if method in {"sendMessage", "sendPhoto", "editMessageText"}:
            self.messages += 1
            size = {"file_id": "small", "file_unique_id": "s", "width": 1, "height": 1}
            photo = {"photo": [size, size | {"file_id": f"file-{self.messages}"}]} if method == "sendPhoto" else {}
            number = int(parameters.get("message_id", self.messages))
            return {"message_id": number, "date": 1, "chat": {"id": 1, "type": "private"}, **photo}
        return True


async def _parameters(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").startswith("application/json"):
        found: dict[str, Any] = await request.json()
        return found
    async with request.form() as form:
        return {
            name: await value.read() if isinstance(value, UploadFile) else _plain(value) for name, value in form.items()
        }


def _plain(value: str) -> Any:
    return json.loads(value) if value[:1] in {"{", "["} else value


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """A running server."""
    found = Api()
    app = Starlette(routes=[Route("/bot{token}/{method}", found.answer, methods=["POST"])])
    with bind("127.0.0.1", 0, variable="PORT") as listener:
        found.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with running(HttpServer(app, listener).serve):
            yield found
            found.closing.set()


@pytest.fixture
def settings(api: Api, monkeypatch: pytest.MonkeyPatch) -> BotSettings:
    """Settings that lead to the server; a proxy that the environment names is no way to loopback."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    return BotSettings(
        telegram_bot_token=SecretStr(TOKEN),
        kie_api_key=SecretStr("an-invented-key"),
        admin_ids=frozenset({1}),
        telegram_api_url=HttpUrl(api.url),
    )


@dataclass(frozen=True)
class Tenure:
    """One term and its database."""

    term: Term
    database: FencedDatabase


Begin = Callable[[], Awaitable[Tenure]]


@pytest.fixture
def begin(pool: Any) -> Begin:
    """Begin the next term."""
    epochs = [0]

    async def begun() -> Tenure:
        async with pool.acquire() as connection:
            await connection.execute("SELECT lock_release($1, 'test', $2)", LOCK_KEY, epochs[-1])
            epoch = await connection.fetchval("SELECT lock_claim($1, 'test', 600000, NULL, NULL, 'free')", LOCK_KEY)
        epochs.append(epoch)
        term = Term(epoch, "test", window=3600, sent_at=boottime(), timeline=1)
        return Tenure(term, FencedDatabase(pool, LOCK_KEY, term))

    return begun


@pytest.fixture
async def tenure(begin: Begin) -> Tenure:
    """The first term."""
    return await begin()


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    """Return once the condition holds; fail after the deadline."""
    with anyio.fail_after(DEADLINE_SECONDS):
        while not await found():
            await anyio.lowlevel.checkpoint()
