"""The chat page: static files, and the headers that keep a page to itself."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.sandbox.loopback import is_loopback_host

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def routes() -> list[BaseRoute]:
    """Return the page's routes."""
    folder = files("bot.sandbox").joinpath("static")
    page = folder.joinpath("index.html").read_text(encoding="utf-8")

    async def index(_: Request) -> Response:
        return HTMLResponse(page)

    return [Route("/", index), Mount("/static", StaticFiles(directory=str(folder)))]


class Guard:
    """Answers this machine only by its own names, and sends the security headers with everything.

    A page of another site cannot reach the sandbox through a name that it lets point at 127.0.0.1.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse other names, else answer with the headers."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if not is_loopback_host(name):
            refusal = PlainTextResponse("The sandbox answers on 127.0.0.1 and localhost only.\n", 421)
            return await refusal(scope, receive, send)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        return await self._app(scope, receive, guarded)
