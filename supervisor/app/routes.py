"""The routes of the two ports: what the public may ask, and what only operators see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from supervisor import health, statuspage
from supervisor.app.callbacks import callbacks
from supervisor.app.instance import Instance
from supervisor.app.intake import Entrance
from supervisor.app.webhook import webhook
from telemetry import expose

Endpoint = Callable[[Request], Awaitable[Response]]


def public(instance: Instance) -> Entrance:
    """Return the application of `PORT`: health, probes, and what comes in."""
    intakes = (
        webhook(lambda: instance.webhook_secrets, lambda: instance.writer, lambda: instance.pool),
        callbacks(lambda: instance.pool, lambda: instance.writer, instance.bot.kie_callback_hmac_key),
    )
    return Entrance(
        intakes, Starlette(routes=[Route("/health", _answering(instance, health.health)), *_probes(instance)])
    )


def operators(instance: Instance) -> Starlette:
    """Return the application of `OPS_PORT`: metrics, status, probes."""
    return Starlette(
        routes=[
            Route("/", _page(instance)),
            Route("/metrics", _metrics),
            Route("/status", _answering(instance, health.full)),
            *_probes(instance),
        ]
    )


def _probes(instance: Instance) -> list[Route]:
    return [
        Route("/livez", _alive),
        Route("/readyz", _answering(instance, health.readyz)),
        Route("/activez", _answering(instance, health.activez)),
    ]


def _answering(instance: Instance, answer: Callable[[health.Status], health.Answer]) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        code, body = answer(await instance.status())
        return JSONResponse(body, status_code=code, headers={"Cache-Control": "no-store"})

    return endpoint


def _page(instance: Instance) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        return HTMLResponse(statuspage.page(await instance.status()), headers=statuspage.HEADERS)

    return endpoint


async def _alive(_request: Request) -> Response:
    """Answer without looking at anything else: a slow database must not fail the liveness probe."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def _metrics(request: Request) -> Response:
    """Expose in a thread: the whole catalogue would hold up the loop."""
    body, content_type = await anyio.to_thread.run_sync(expose.render, request.headers.get("accept"))
    return Response(body, headers={"Content-Type": content_type})
