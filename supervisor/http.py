"""One HTTP server as a child: on a socket bound before anything else, stopped in bounded time, owning no signal."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator

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

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves an ASGI application on a bound socket until cancelled; requests in flight get a second to end."""

    def __init__(self, app: ASGIApp, sock: socket.socket) -> None:
        self._app = app
        self._socket = sock

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
        )
        server = _Server(config)
        async with anyio.create_task_group() as group:
            # A copy: uvicorn closes the socket it is given, and a restart of this child needs it again.
            group.start_soon(server.run_shielded, self._socket.dup())
            try:
                await server.up.wait()
                task_status.started()
                await server.ended.wait()
            finally:
                server.should_exit = True
                with anyio.move_on_after(STOP_WITHIN, shield=True):
                    await server.ended.wait()
                server.force_exit = True
