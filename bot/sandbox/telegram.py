"""The Bot API server: `/bot<token>/<method>`, answered in Telegram's shape, with the faults that were asked for.

Files are fetched at `/file/bot<token>/<file_path>`.
"""

from __future__ import annotations

import re
from typing import Any, Final

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.sandbox import parameters as call_parameters
from bot.sandbox.calls import Call
from bot.sandbox.errors import ApiError
from bot.sandbox.flood import UNCOUNTED
from bot.sandbox.methods import BY_LOWER_NAME, SENDS, Method
from bot.sandbox.methods.downloads import fetched
from bot.sandbox.methods.webhooks import Described
from bot.sandbox.parameters import Parameters
from bot.sandbox.records import Bot
from bot.sandbox.telegram_faults import REFUSALS
from bot.sandbox.world import World

_TOKEN = re.compile(r"(\d{1,15}):.+")
PHRASES: Final = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


def routes(world: World) -> list[BaseRoute]:
    """Return the Bot API's routes."""

    async def answer(request: Request) -> Response:
        try:
            bot_id = bot_of(request.path_params["token"])
            name, method = _method(request.path_params["method"])
            given = await call_parameters.read(request)
        except ApiError as error:
            return JSONResponse(error.body(), error.code)
        status, body = await call(world, bot_id, name, method, given)
        return JSONResponse(body, status)

    async def fetch(request: Request) -> Response:
        try:
            return await fetched(world, bot_of(request.path_params["token"]), request)
        except ApiError as error:
            return JSONResponse(error.body(), error.code)

    return [
        Route("/bot{token}/{method}", answer, methods=["GET", "POST"], name="bot-api"),
        Route("/file/bot{token}/{file_path:path}", fetch, name="bot-files"),
    ]


def bot_of(token: str) -> int:
    """Return the bot's id; anything of another form than `<digits>:<something>` is unauthorized."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise ApiError(401, "Unauthorized")
    return int(match[1])


async def reply(world: World, bot_id: int, values: dict[str, Any]) -> None:
    """Execute the method in the body of a webhook's answer; its result is told to nobody."""
    try:
        name, method = _method(str(values.pop("method")))
    except ApiError:
        return
    await call(world, bot_id, name, method, Parameters(values))


async def call(world: World, bot_id: int, name: str, method: Method, given: Parameters) -> tuple[int, dict[str, Any]]:
    """Execute one method and return the HTTP status and the answer."""
    began = anyio.current_time()
    status, body = await _outcome(world, bot_id, name, method, given)
    world.calls.note(
        Call(
            method=name,
            bot_id=bot_id,
            parameters=given.recorded(),
            status=status,
            error=body.get("description", "") if not body["ok"] else "",
            time=world.clock(),
            seconds=round(anyio.current_time() - began, 6),
        )
    )
    return status, body


async def _outcome(
    world: World, bot_id: int, name: str, method: Method, given: Parameters
) -> tuple[int, dict[str, Any]]:
    try:
        if delay := world.faults.number("telegram_latency", "take"):
            await anyio.sleep(delay)
        if world.book.get(Bot, bot_id) is None:
            async with world.book.writing():
                world.chats.bot(bot_id)
        is_hit = name in SENDS and _is_hit(world, name, given)
        if is_hit:
            _refuse(world, bot_id, name, given)
        result = await method(world, bot_id, given)
        if is_hit and (lost := world.faults.take("telegram_lose_reply")):
            raise _broken(lost)
    except ApiError as error:
        return error.code, error.body()
    if isinstance(result, Described):
        return 200, {"ok": True, "result": result.result, "description": result.description}
    return 200, {"ok": True, "result": result}


def _method(name: str) -> tuple[str, Method]:
    found = BY_LOWER_NAME.get(name.lower())
    if found is None:
        raise ApiError(404, "Not Found: method not found")
    return found


def _is_hit(world: World, name: str, given: Parameters) -> bool:
    only = str(world.faults.get("telegram_only") or "").lower().split(",")
    chats = str(world.faults.get("telegram_chats") or "").split(",")
    return (only == [""] or name.lower() in only) and (chats == [""] or given.text("chat_id") in chats)


def _refuse(world: World, bot_id: int, name: str, given: Parameters) -> None:
    if status := world.faults.take("telegram_http"):
        raise _broken(status)
    if seconds := int(world.faults.number("telegram_retry_after", "take")):
        raise ApiError(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})
    if blocked := world.faults.take("telegram_blocked"):
        raise ApiError(403, f"Forbidden: {REFUSALS[str(blocked)]}")
    chat = given.text("chat_id")
    migration = str(world.faults.get("telegram_migrated") or "")
    if chat and migration.partition(">")[0] == chat:
        world.faults.take("telegram_migrated")
        new = int(migration.partition(">")[2])
        raise ApiError(400, "Bad Request: group chat was upgraded to a supergroup chat", {"migrate_to_chat_id": new})
    limits = world.faults.get("telegram_limits")
    if (
        limits
        and name not in UNCOUNTED
        and (seconds := world.flood.wait(str(limits), bot_id, given.integer("chat_id", 0) or 0, world.clock()))
    ):
        raise ApiError(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})


def _broken(status: object) -> ApiError:
    code = int(str(status))
    return ApiError(code, PHRASES.get(code, "Error"))
