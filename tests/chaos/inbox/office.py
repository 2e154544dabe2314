"""getUpdates as a poller meets it: a queue that an offset shortens, a wait that another poll ends, and what gets lost.

An update is handed out again and again until a later offset has been asked for. Of two polls that wait, the earlier one
ends with a 409. Some requests are never heard, some arrive long after their sender has given them up, and some answers
are lost, cut or refused: what a request confirmed stays confirmed all the same.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.inbox.bodies import Body

TROUBLES = {"": 93.0, "unheard": 1, "late": 1.5, "lost": 2, "cut": 1, "500": 0.5, "429": 0.5, "409": 0.5}
"""How often a poll comes to what, compared with the others."""
LATE_SECONDS = 5.0
BATCH_BYTES = 4 << 20
"""Telegram ends its own answers here."""
FUTURE = 10
"""An offset so far beyond the newest update is ignored, as Telegram ignores it."""
GONE = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
"""What a connection raises whose poller has been killed."""
REFUSALS: dict[str, dict[str, Any]] = {
    "409": {"description": "Conflict: terminated by other getUpdates request"},
    "429": {"description": "Too Many Requests: retry after 1", "parameters": {"retry_after": 1}},
    "500": {"description": "Internal Server Error"},
}


@dataclass
class Office:
    """The updates that nobody has confirmed; `confirmed` is told of each as it is forgotten."""

    rng: random.Random
    answers: Counter[str]
    confirmed: Callable[[Body], None]
    pending: deque[tuple[int, Body]] = field(default_factory=deque)
    emptied: asyncio.Event = field(default_factory=asyncio.Event)
    _tail: int = 0
    _waiting: asyncio.Future[bool] | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def open(self, port: int) -> AsyncIterator[None]:
        """Answer polls while the block runs."""
        is_open = True

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if is_open:
                task = self._start(self._serve(reader, writer))
                task.add_done_callback(lambda _: writer.transport.abort())
            else:
                writer.transport.abort()

        server = await asyncio.start_server(accept, "127.0.0.1", port)
        try:
            yield
        finally:
            is_open = False
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def add(self, number: int, body: Body) -> None:
        """Take the next update; a poll that waits gets it."""
        self.pending.append((number, body))
        self._tail = number
        self.emptied.clear()
        self._end_waiting(found=True)

    def _start(self, doing: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(*GONE):
            while await self._answer(await _asked(reader), writer):
                await writer.drain()

    async def _answer(self, asked: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        """Answer one poll, or not as a poller may hope; tell whether the connection goes on."""
        (trouble,) = self.rng.choices(list(TROUBLES), list(TROUBLES.values()))
        self.answers[trouble or "polls"] += 1
        if trouble == "late":
            _ = self._start(self._late(asked))
        if trouble in {"late", "unheard"}:
            return False
        found = None if trouble in REFUSALS else await self._updates(asked)
        if found is None:
            self.answers["ended by another"] += trouble not in REFUSALS
            status = trouble if trouble in REFUSALS else "409"
            _say(writer, status, json.dumps({"ok": False, "error_code": int(status), **REFUSALS[status]}).encode())
        elif trouble != "lost":
            _say(writer, "200", b'{"ok":true,"result":[%s]}' % b",".join(found), cut=trouble == "cut")
        return trouble not in {"lost", "cut"}

    async def _late(self, asked: dict[str, Any]) -> None:
        """Let a request arrive that its sender has given up, or did not live to see answered."""
        await asyncio.sleep(self.rng.uniform(0, LATE_SECONDS))
        await self._updates(asked)

    async def _updates(self, asked: dict[str, Any]) -> list[bytes] | None:
        """Forget what the offset confirms; return what there is or comes in time, None when another poll ends this one."""
        self._confirm(asked.get("offset", 0))
        if not self.pending:
            self._end_waiting(found=False)
            waiting = self._waiting = asyncio.get_running_loop().create_future()
            with suppress(TimeoutError):
                async with asyncio.timeout(asked["timeout"]):
                    if not await waiting:
                        return None
        return self._batch(asked["limit"])

    def _confirm(self, offset: int) -> None:
        assert offset >= 0, "a negative offset throws updates away"
        while self.pending and self.pending[0][0] < offset <= self._tail + FUTURE:
            self.confirmed(self.pending.popleft()[1])
        if not self.pending:
            self.emptied.set()

    def _batch(self, limit: int) -> list[bytes]:
        batch: list[bytes] = []
        for (_, body), _ in zip(self.pending, range(limit), strict=False):
            if batch and sum(map(len, batch)) + len(body.data) > BATCH_BYTES:
                break
            batch.append(body.data)
        return batch

    def _end_waiting(self, *, found: bool) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(found)


async def _asked(reader: asyncio.StreamReader) -> dict[str, Any]:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    assert "/getupdates " in lines[0], lines[0]
    (length,) = [int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")]
    asked: dict[str, Any] = json.loads(await reader.readexactly(length))
    return asked


def _say(writer: asyncio.StreamWriter, status: str, body: bytes, *, cut: bool = False) -> None:
    """Answer; `cut`: with half of what was announced."""
    head = f"HTTP/1.1 {status} .\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + (body[: len(body) // 2] if cut else body))
