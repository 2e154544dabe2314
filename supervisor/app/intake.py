"""What every route that brings something in has in common: verified, committed, and only then answered with 200."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bot.ports import Arrival
from supervisor.inbox.writer import NotStored, Writer
from telemetry import emit, events, semconv, tracing

MAX_BODY = 1 << 20
"""Bytes; what Telegram and the providers send stays far below."""
RETRY_AFTER = 2
"""Seconds until a sender that came too early may come again."""


class Refused(Exception):
    """The request is answered with `code` and stores nothing."""

    def __init__(self, code: int, reason: str, *, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.headers = {"Retry-After": str(retry_after)} if retry_after else {}


class Intake:
    """An endpoint: `verify` turns a request into what is stored, or raises `Refused`.

    Not storable now is 503 with Retry-After: the sender offers it again, and nothing is lost.
    """

    def __init__(
        self, route: str, verify: Callable[[Request], Awaitable[Arrival]], writer: Callable[[], Writer | None]
    ) -> None:
        self.route = route
        self._verify = verify
        self._writer = writer

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        began = perf_counter()
        with tracing.span("send updates", kind="producer", attributes={semconv.HTTP_ROUTE: self.route}):
            try:
                await self._store(await self._verify(request))
            except Refused as refused:
                emit(events.RequestRefused(route=self.route, code=refused.code, reason=refused.reason))
                return Response(status_code=refused.code, headers=refused.headers)
            # Inside the span: the histogram's exemplar is what leads from a slow answer to its trace.
            emit(events.RequestAnswered(route=self.route, code=200, seconds=perf_counter() - began))
        return Response(status_code=200)

    async def _store(self, arrival: Arrival) -> None:
        writer = self._writer()
        if writer is None:
            raise Refused(503, "starting", retry_after=RETRY_AFTER)
        try:
            await writer.put(arrival)
        except NotStored as error:
            raise Refused(503, "not storable now", retry_after=error.retry_after) from error


async def read_body(request: Request) -> bytes:
    """Return the whole body; refuse one over `MAX_BODY`, whether it says its length or not."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise Refused(413, "body over 1 MiB")
    except ClientDisconnect as error:
        raise Refused(400, "client went away") from error
    return bytes(body)
