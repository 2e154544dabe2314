"""The HTTP server child: on a socket bound early, stopped in bounded time, silent about signals."""

from __future__ import annotations

import signal

import anyio
import httpx
import pytest
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

    return Starlette(routes=[Route("/", quick), Route("/slow", slow)])


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
