"""The HTTP server child: on a socket bound early, stopped in bounded time, silent about signals."""

from __future__ import annotations

import signal
from contextlib import AsyncExitStack

import anyio
import httpx
import pytest
from anyio.abc import SocketStream
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from supervisor.errors import ExitCode, Unavailable
from supervisor.http import HttpServer, bind


def app_with(entered: anyio.Event, go_on: anyio.Event) -> Starlette:
    async def quick(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def slow(_request: Request) -> Response:
        entered.set()
        await go_on.wait()
        return PlainTextResponse("done")

    return Starlette(routes=[Route("/", quick), Route("/slow", slow, methods=["GET", "POST"])])


@pytest.fixture
def entered() -> anyio.Event:
    """Set once a slow request is being handled."""
    return anyio.Event()


@pytest.fixture
def go_on() -> anyio.Event:
    """Set to let slow requests end."""
    return anyio.Event()


async def test_a_taken_port_is_refused_with_the_exit_code_and_the_setting_to_change() -> None:
    """Nobody has to guess which variable chose the port."""
    with bind("127.0.0.1", 0, variable="PORT") as taken, pytest.raises(Unavailable) as refused:
        bind("127.0.0.1", taken.getsockname()[1], variable="OPS_PORT")
    assert refused.value.exit_code is ExitCode.UNAVAILABLE
    assert "another program listens there" in str(refused.value)
    assert "OPS_PORT" in str(refused.value.hint)


async def test_a_connection_made_before_the_server_runs_is_answered_once_it_does() -> None:
    """The port is bound first: an early health check waits in the backlog instead of being refused."""
    with bind("127.0.0.1", 0, variable="PORT") as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/"
        server = HttpServer(app_with(anyio.Event(), anyio.Event()), sock)
        async with httpx.AsyncClient(timeout=5) as client, anyio.create_task_group() as group:
            answers: list[httpx.Response] = []

            async def ask() -> None:
                answers.append(await client.get(url))

            group.start_soon(ask)
            await anyio.lowlevel.checkpoint()
            async with anyio.create_task_group() as serving:
                await serving.start(server.serve)
                with anyio.fail_after(5):
                    while not answers:
                        await anyio.lowlevel.checkpoint()
                serving.cancel_scope.cancel()
    assert answers[0].text == "ok"


async def test_a_request_in_flight_cannot_hold_up_the_stop() -> None:
    """A handler that never ends is cut off; the stop stays within its bound, and a restart works."""
    entered, never = anyio.Event(), anyio.Event()
    with bind("127.0.0.1", 0, variable="PORT") as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        server = HttpServer(app_with(entered, never), sock)
        async with httpx.AsyncClient(timeout=5) as client, anyio.create_task_group() as group:

            async def ask() -> None:
                with pytest.raises(httpx.HTTPError):
                    (await client.get(f"{url}/slow")).raise_for_status()

            async with anyio.create_task_group() as serving:
                await serving.start(server.serve)
                group.start_soon(ask)
                await entered.wait()
                serving.cancel_scope.cancel()
                began = anyio.current_time()
            assert anyio.current_time() - began < 2.5
            async with anyio.create_task_group() as again:
                await again.start(server.serve)
                assert (await client.get(f"{url}/")).text == "ok"
                again.cancel_scope.cancel()


async def test_the_server_leaves_the_signal_handlers_alone() -> None:
    """The embedded server (uvicorn) would take SIGTERM and raise it again at its end; ours belongs to the supervisor."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    with bind("127.0.0.1", 0, variable="PORT") as sock:
        async with anyio.create_task_group() as serving:
            await serving.start(HttpServer(app_with(anyio.Event(), anyio.Event()), sock).serve)
            assert {number: signal.getsignal(number) for number in before} == before
            serving.cancel_scope.cancel()


class Talk:
    """A connection that sends what it likes, whenever it likes."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream

    async def send(self, *lines: str) -> None:
        await self._stream.send("\r\n".join(lines).encode())

    async def heard(self) -> bytes:
        """Return what the server says next; nothing once it has ended the connection."""
        with anyio.fail_after(5):
            try:
                return await self._stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return b""


async def test_who_trickles_a_request_is_put_out_and_nobody_else(entered: anyio.Event, go_on: anyio.Event) -> None:
    """No head, half a body, half a second head: ended. Idle between requests, or waiting for us: left alone."""
    post = ("POST /slow HTTP/1.1", "Host: bot", "Content-Length: 10", "", "")
    get = ("GET / HTTP/1.1", "Host: bot", "", "")
    with bind("127.0.0.1", 0, variable="PORT") as sock:
        server = HttpServer(app_with(entered, go_on), sock, slow_seconds=0.1)
        async with AsyncExitStack() as stack:
            serving = await stack.enter_async_context(anyio.create_task_group())
            await serving.start(server.serve)
            port = sock.getsockname()[1]
            silent, half, again, idle, working = [
                Talk(await stack.enter_async_context(await anyio.connect_tcp("127.0.0.1", port))) for _ in range(5)
            ]
            await half.send(*post, "12345")
            for talk in (again, idle):
                await talk.send(*get)
                assert (await talk.heard()).startswith(b"HTTP/1.1 200")
            await again.send("GET / HT")
            await working.send("GET /slow HTTP/1.1", "Host: bot", "", "")
            assert [await talk.heard() for talk in (silent, half, again)] == [b"", b"", b""]
            await idle.send(*get)
            assert (await idle.heard()).startswith(b"HTTP/1.1 200")
            go_on.set()
            assert (await working.heard()).endswith(b"done")
            serving.cancel_scope.cancel()
