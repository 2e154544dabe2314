"""One HTTP server as a child: on a socket bound before anything else, stopped in bounded time, owning no signal."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import Any

import anyio
import uvicorn
from anyio.abc import TaskStatus
from starlette.types import ASGIApp

from supervisor.errors import Unavailable

GRACEFUL = 1
"""Whole seconds that requests in flight have once the server is asked to stop."""
STOP_WITHIN = 1.8
KEEP_ALIVE = 75
"""Seconds an idle connection lives: Telegram and load balancers reuse theirs for about a minute."""
SLOW_SECONDS = 15.0
"""Time between two looks at the requests: who is still at the same one, and neither read nor answered, is put out."""


def bind(host: str, port: int, *, variable: str, host_variable: str | None = None) -> socket.socket:
    """Bind and listen; raise Unavailable (exit 69) when the port is taken or not permitted, or the host not ours.

    The variables are the settings that chose port and host, for the hint. Connections made from now on wait in the
    backlog.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024, reuse_port=False)
    except OSError as error:
        found = "another program listens there" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        hint = f"set {variable} to a free port."
        if host_variable is not None and error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            hint = f"set {host_variable} to an address of this machine."
        raise Unavailable(f"Could not listen on {host}:{port}: {found}.", hint=hint) from error


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: it would raise the signals again at its end and kill us mid-drain."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = anyio.Event()
        self.ended = anyio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def run_shielded(self, sock: socket.socket) -> None:
        # Shielded: uvicorn must see `should_exit` and close its connections, not a cancellation in the middle.
        with anyio.CancelScope(shield=True):
            try:
                await self.serve(sockets=[sock])
            finally:
                self.ended.set()

    async def put_out_slow(self, every: float) -> None:
        """End the connections that are at one request from one look to the next; woken by time, stopped by cancellation.

        A head or a body that trickles in, an answer that nobody takes: uvicorn itself would wait for ever. A look is
        nearly free, a timer for each request is not.
        """
        before: dict[Any, object] = {}
        while True:
            await anyio.sleep(every)
            connections: Any = self.server_state.connections
            now = {each: each.cycle for each in connections if _waits_for_client(each)}
            for connection, cycle in now.items():
                if connection in before and before[connection] is cycle:
                    connection.transport.abort()
            before = now

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _waits_for_client(connection: Any) -> bool:
    """Whether the rest of a request has to come, or an answer to be taken; between two requests KEEP_ALIVE counts."""
    cycle = connection.cycle
    if cycle is None:
        return True
    if cycle.response_complete:
        return connection.timeout_keep_alive_task is None
    return bool(cycle.more_body or cycle.response_started)


class HttpServer:
    """Serves an ASGI application on a bound socket until cancelled; requests in flight get a second to end."""

    def __init__(self, app: ASGIApp, sock: socket.socket, *, slow_seconds: float = SLOW_SECONDS) -> None:
        self._app = app
        self._socket = sock
        self._slow_seconds = slow_seconds

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Answer requests until cancelled."""
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACEFUL,
            interface="asgi3",
            # The one whose connections `put_out_slow` knows.
            http="httptools",
            ws="none",
        )
        server = _Server(config)
        async with anyio.create_task_group() as group:
            # A copy: uvicorn closes the socket it is given, and a restart of this child needs it again.
            group.start_soon(server.run_shielded, self._socket.dup())
            group.start_soon(server.put_out_slow, self._slow_seconds)
            try:
                await server.up.wait()
                task_status.started()
                await server.ended.wait()
                group.cancel_scope.cancel()
            finally:
                server.should_exit = True
                with anyio.move_on_after(STOP_WITHIN, shield=True):
                    await server.ended.wait()
                server.force_exit = True
