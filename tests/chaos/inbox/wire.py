"""HTTP as a webhook's sender speaks it: connections that are kept alive, answers that may be lost on purpose."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import NoReturn

ANSWER_SECONDS = 6.0
"""Longer than the writer's own deadline: an instance that cannot store says so before."""
GONE = (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, EOFError)
"""What a request raises when no answer is to be had."""
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    retry_after: float | None
    body: bytes


class Wire:
    """The idle connections to every door."""

    def __init__(self) -> None:
        self._idle: dict[int, deque[Stream]] = {}

    async def post(self, port: int, path: str, headers: dict[str, str], body: bytes, *, deaf: bool = False) -> Answer:
        """Send one request and return its answer; raise one of `GONE` when there is none, or when `deaf` to it."""
        head = {"Host": "bot", **headers, "Content-Length": str(len(body))}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        request = "\r\n".join(lines).encode() + body
        async with asyncio.timeout(ANSWER_SECONDS):
            stream = await self._stream(port)
            try:
                stream[1].write(request)
                await stream[1].drain()
                answer = self._lose() if deaf else await _answer(stream[0])
            except BaseException:
                stream[1].close()
                raise
        self._idle.setdefault(port, deque()).append(stream)
        return answer

    def close(self) -> None:
        """Close every connection."""
        for streams in self._idle.values():
            for _, writer in streams:
                writer.close()
        self._idle.clear()

    def _lose(self) -> NoReturn:
        raise EOFError("the answer is lost on purpose")

    async def _stream(self, port: int) -> Stream:
        idle = self._idle.setdefault(port, deque())
        while idle:
            reader, writer = idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", port)


async def _answer(reader: asyncio.StreamReader) -> Answer:
    status = int((await _line(reader)).split()[1])
    length, retry_after = 0, None
    while line := (await _line(reader)).strip():
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "content-length":
            length = int(value)
        elif name.lower() == "retry-after":
            retry_after = float(value)
    return Answer(status, retry_after, await reader.readexactly(length))


async def _line(reader: asyncio.StreamReader) -> bytes:
    line = await reader.readline()
    if not line.endswith(b"\n"):
        raise EOFError("the connection ended before the answer did")
    return line
