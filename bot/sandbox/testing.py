"""For tests: a sandbox on a free port of this machine, and a webhook that answers as it is told."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox.client import Client
from bot.sandbox.server import serve

TOKEN = "7000000001:test"  # noqa: S105 - the sandbox takes any
Answer = Callable[[dict[str, Any]], Response | Awaitable[Response]]


@asynccontextmanager
async def running(home: Path, port: int = 0, *, clock: Callable[[], float] = time.time) -> AsyncIterator[str]:
    """Serve on the home for as long as the block runs; yields the address. Enter again to restart it."""
    async with anyio.create_task_group() as group:
        yield await group.start(partial(serve, home, port, clock=clock))
        group.cancel_scope.cancel()


async def until(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 10) -> None:
    """Return when the condition holds; raise TimeoutError, saying what never happened, after the deadline."""
    with anyio.move_on_after(seconds):
        while not await condition():  # noqa: ASYNC110 - what it waits for is on the other side of a socket
            await anyio.sleep(0.02)
        return
    raise TimeoutError(f"It never happened within {seconds} s: {what}.")


async def api(client: Client, method: str, token: str = TOKEN, **parameters: object) -> httpx.Response:
    """Call the Bot API with a JSON body, for what a well-behaved library would not let through."""
    return await client.http.post(f"{client.address}/bot{token}/{method}", json=parameters)


@dataclass(slots=True)
class Hook:
    """A webhook: what it got, with which headers, and what it answers."""

    url: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: Answer = lambda _: Response()
    arrived: anyio.Event = field(default_factory=anyio.Event)

    async def wait(self, count: int, seconds: float = 10) -> None:
        """Return when so many requests have come in all."""
        with anyio.fail_after(seconds):
            while len(self.got) < count:
                await self.arrived.wait()

    @property
    def ids(self) -> list[int]:
        """The update ids in the order they came."""
        return [update["update_id"] for update in self.got]

    async def take(self, request: Request) -> Response:
        """Note a request and answer it."""
        body = await request.json()
        self.got.append(body)
        self.headers.append(dict(request.headers))
        self.arrived.set()
        self.arrived = anyio.Event()
        answer = self.answer(body)
        return answer if isinstance(answer, Response) else await answer


@asynccontextmanager
async def hosting(app: Starlette) -> AsyncIterator[str]:
    """Serve an application on a free port for as long as the block runs; yields its address."""
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    async with anyio.create_task_group() as group:
        # Not serve(), which would take over the signals of the test process.
        group.start_soon(server._serve)  # noqa: SLF001
        await until(lambda: _is_started(server), "the server listens")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True


@asynccontextmanager
async def listening() -> AsyncIterator[Hook]:
    """Serve a hook on a free port for as long as the block runs."""
    hook = Hook()
    async with hosting(Starlette(routes=[Route("/{path:path}", hook.take, methods=["POST"])])) as address:
        hook.url = f"{address}/hook"
        yield hook


async def _is_started(server: uvicorn.Server) -> bool:
    return server.started
