"""Lines over a non-blocking socket, each bounded; every wait can be cancelled at any moment."""

from __future__ import annotations

import socket

import anyio

CHUNK_BYTES = 64 * 1024


class Ended(Exception):
    """The other side has left, or has sent a line that is too long."""


class Lines:
    """One connection, of which this object is the owner."""

    def __init__(self, connection: socket.socket, *, limit: int) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._limit = limit
        self._buffer = bytearray()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    async def receive(self) -> bytes:
        """Return the next line without its end; raise `Ended` when there is none."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > self._limit:
                raise Ended
            self._buffer += await self._chunk()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    async def send(self, line: bytes) -> None:
        """Send a line; raise `Ended` when nobody is there to take it."""
        rest = memoryview(line + b"\n")
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._socket)
            except OSError as error:
                raise Ended from error

    async def _chunk(self) -> bytes:
        while True:
            try:
                received = self._socket.recv(CHUNK_BYTES)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)
            except OSError as error:
                raise Ended from error
            else:
                if not received:
                    raise Ended
                return received


async def accept(listening: socket.socket) -> socket.socket:
    """Return the next connection of a listening, non-blocking socket."""
    while True:
        try:
            return listening.accept()[0]
        except BlockingIOError:
            await anyio.wait_readable(listening)
