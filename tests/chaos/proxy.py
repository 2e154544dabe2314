"""A TCP link in front of a server's unix socket whose faults are switched from outside.

    instance ⇄ link ⇄ PostgreSQL        each direction: open, late, or closed

What a closed direction was given is kept and delivered when it opens again, as a network that heals would; that goes
for the end of a connection, too, so that neither side learns that the other has gone.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from anyio.from_thread import BlockingPortal

CHUNK = 65536
RESET = struct.pack("ii", 1, 0)


class Direction:
    """One way of a link."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self.late = 0.0
        self.jitter = 0.0

    def close(self) -> None:
        """Let nothing through; keep it."""
        self._open.clear()

    def open(self) -> None:
        """Let everything through, what was kept first."""
        self._open.set()

    async def passage(self) -> None:
        """Return when what was just read may go on."""
        await self._open.wait()
        if self.late:
            await asyncio.sleep(max(0.0, self.late + self.jitter * random.uniform(-1, 1)))
            await self._open.wait()


class Link:
    """The link itself; `url` is the database through it."""

    def __init__(self, portal: BlockingPortal, url: str) -> None:
        parts = urlsplit(url)
        user, _, place = parts.netloc.rpartition("@")
        host, _, port = place.rpartition(":")
        self._target = Path(unquote(host)) / f".s.PGSQL.{port}"
        self._portal = portal
        self._clients: set[asyncio.StreamWriter] = set()
        self._servers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = False
        self._server, listening = portal.call(self._listen)
        self.url = urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{listening}"))

    @contextmanager
    def running(self) -> Iterator[Link]:
        """Be there while the block runs."""
        try:
            yield self
        finally:
            self._portal.call(self._end)

    def blackhole(self) -> None:
        """Nothing passes in either direction, and nobody is told."""
        self._portal.call(self._switch, True, True)

    def lose_replies(self) -> None:
        """What the instance says arrives; the answers do not."""
        self._portal.call(self._switch, False, True)

    def lose_requests(self) -> None:
        """What the instance says does not arrive."""
        self._portal.call(self._switch, True, False)

    def delay(self, seconds: float, jitter: float = 0.0) -> None:
        """Every packet takes so much longer, shared by both directions."""

        def slow() -> None:
            for way in (self._up, self._down):
                way.late, way.jitter = seconds / 2, jitter / 2

        self._portal.call(slow)

    def heal(self) -> None:
        """Everything passes, without delay; what was kept arrives now."""
        self.delay(0.0)
        self._portal.call(self._switch, False, False)

    def reset(self) -> None:
        """End every connection with a reset on both sides; new ones are welcome."""
        self._portal.call(self._abort, True, True)

    def half_open(self) -> None:
        """End every connection towards the server; the instance is not told and writes into nothing."""
        self._portal.call(self._forget_server)

    async def _listen(self) -> tuple[asyncio.Server, int]:
        self._up, self._down = Direction(), Direction()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return server, server.sockets[0].getsockname()[1]

    def _switch(self, up_closed: bool, down_closed: bool) -> None:
        for way, closed in ((self._up, up_closed), (self._down, down_closed)):
            way.close() if closed else way.open()

    def _abort(self, clients: bool, servers: bool) -> None:
        for end in [*(self._clients if clients else ()), *(self._servers if servers else ())]:
            connection: socket.socket | None = end.get_extra_info("socket")
            if connection is not None and connection.family == socket.AF_INET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.transport.abort()

    def _forget_server(self) -> None:
        self._down.close()
        self._abort(clients=False, servers=True)

    async def _end(self) -> None:
        self._ended = True
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._abort(clients=True, servers=True)

    def _accept(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Join it in a task that is known from its first moment on: one that never ran could not close what it holds."""
        if self._ended:
            to_client.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._join(from_client, to_client))
        self._clients.add(to_client)
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._left(to_client, task))

    def _left(self, to_client: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        to_client.transport.abort()
        self._clients.discard(to_client)
        self._tasks.discard(task)

    async def _join(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        await self._up.passage()
        try:
            from_server, to_server = await asyncio.open_unix_connection(self._target)
        except OSError:
            return
        self._servers.add(to_server)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(from_client, to_server, self._up))
                group.create_task(_pump(from_server, to_client, self._down))
        finally:
            to_server.transport.abort()
            self._servers.discard(to_server)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: Direction) -> None:
    """Pass on until either side is gone, then end the other."""
    with suppress(ConnectionError):
        while chunk := await source.read(CHUNK):
            await way.passage()
            sink.write(chunk)
            await sink.drain()
    await way.passage()
    with suppress(OSError):
        sink.write_eof()
    sink.transport.close()
