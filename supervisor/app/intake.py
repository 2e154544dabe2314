"""What every route that brings something in has in common: verified, committed, and only then answered with 200.

    server ──▶ Entrance ──▶ Intake: verify ──▶ writer ──commit──▶ 200
                  └ any other path ──▶ the application of the rest

Plain ASGI instead of the application's routes and requests: those cost more than the acknowledgement itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.ports import Arrival
from bot.till import Reply
from supervisor.inbox.writer import NotStored, Writer
from telemetry import emit, events, semconv, tracing

MAX_BODY = 1 << 20
"""Bytes; what Telegram and the providers send stays far below."""
BODY_SECONDS = 10.0
"""How long the rest of a body may take once its beginning is here; HttpServer ends what does not even begin."""
RETRY_AFTER = 2
"""Seconds until a sender that came too early may come again."""
Header = tuple[bytes, bytes]
EMPTY: Header = (b"content-length", b"0")
JSON: Header = (b"content-type", b"application/json")


class Refused(Exception):
    """The request is answered with `code` and stores nothing."""

    def __init__(self, code: int, reason: str, *, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.headers = ((b"retry-after", b"%d" % retry_after),) if retry_after else ()


class Delivery:
    """One request: the secret last part of its path, its headers, and its body on demand."""

    __slots__ = ("_headers", "_receive", "token")

    def __init__(self, token: str, headers: Iterable[Header], receive: Receive) -> None:
        self.token = token
        self._headers = headers
        self._receive = receive

    def header(self, name: bytes) -> bytes:
        """Return the first header of this lower-case name; empty without one."""
        for given, value in self._headers:
            if given == name:
                return value
        return b""

    async def body(self) -> bytes:
        """Return the whole body; refuse one over `MAX_BODY`, whether it says its length or not."""
        message = await self._receive()
        body = _part(message)
        if message.get("more_body"):
            body = await self._whole(body)
        if len(body) > MAX_BODY:
            raise Refused(413, "body over 1 MiB")
        return body

    async def _whole(self, begun: bytes) -> bytes:
        body, more = bytearray(begun), True
        try:
            with anyio.fail_after(BODY_SECONDS):
                while more and len(body) <= MAX_BODY:
                    message = await self._receive()
                    body += _part(message)
                    more = message.get("more_body", False)
        except TimeoutError as error:
            raise Refused(408, "body did not arrive in time") from error
        return bytes(body)


class Intake:
    """An endpoint: `verify` turns a delivery into what is stored, or raises `Refused`.

    Not storable now is 503 with Retry-After: the sender offers it again, and nothing is lost. The answer has no body
    but what `reply` returns for that of the delivery, as JSON; it is given with the 200 that follows the commit.
    """

    def __init__(
        self,
        route: str,
        verify: Callable[[Delivery], Awaitable[Arrival]],
        writer: Callable[[], Writer | None],
        reply: Callable[[bytes], Awaitable[Reply | None]] | None = None,
    ) -> None:
        self.route = route
        self.folder = route.rpartition("/")[0]
        self._verify = verify
        self._writer = writer
        self._reply = reply
        self._attributes = {**semconv.SEND_UPDATES, semconv.HTTP_ROUTE: route}

    async def answer(self, delivery: Delivery, send: Send) -> None:
        """Answer one request."""
        began = perf_counter()
        with tracing.span("send updates", kind="producer", attributes=self._attributes):
            try:
                arrival = await self._verify(delivery)
                said = None if self._reply is None else await self._reply(arrival.body)
                await self._store(arrival)
            except Refused as refused:
                emit(events.RequestRefused(route=self.route, code=refused.code, reason=refused.reason))
                await respond(send, refused.code, *refused.headers)
                return
            except Exception as error:
                # The server answers 500; counted here, because it counts against the objective.
                emit(events.RequestRefused(route=self.route, code=500, reason=type(error).__name__))
                raise
            # Inside the span: the histogram's exemplar is what leads from a slow answer to its trace.
            emit(events.RequestAnswered(route=self.route, code=200, seconds=perf_counter() - began))
        if said is None:
            await respond(send, 200)
        else:
            said.given()
            await respond(send, 200, body=said.body)

    async def _store(self, arrival: Arrival) -> None:
        writer = self._writer()
        if writer is None:
            raise Refused(503, "starting", retry_after=RETRY_AFTER)
        try:
            await writer.put(arrival)
        except NotStored as error:
            raise Refused(503, "not storable now", retry_after=error.retry_after) from error


class Entrance:
    """The ASGI application of the public port: what brings something in, before the application of the rest."""

    def __init__(self, intakes: Iterable[Intake], rest: ASGIApp) -> None:
        self._intakes = {intake.folder: intake for intake in intakes}
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        folder, _, token = scope.get("path", "").rpartition("/")
        intake = self._intakes.get(folder)
        if intake is None or not token or scope["type"] != "http":
            await self._rest(scope, receive, send)
        elif scope["method"] != "POST":
            await respond(send, 405, (b"allow", b"POST"))
        else:
            await intake.answer(Delivery(token, scope["headers"], receive), send)


async def respond(send: Send, code: int, *headers: Header, body: bytes | None = None) -> None:
    """Send an answer, nearly always without a body; one is JSON."""
    described = (EMPTY,) if body is None else (JSON, (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": code, "headers": (*headers, *described)})
    await send({"type": "http.response.body", "body": body or b""})


def _part(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise Refused(400, "client went away")
    part: bytes = message.get("body", b"")
    return part
