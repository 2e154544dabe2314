"""The people's side over HTTP, under `/sandbox`: what the chat page, `sandbox say` and tests use."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Final

import anyio
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bot.sandbox import attachments, people
from bot.sandbox.chats import group_json
from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.faults import FaultError, parse_all
from bot.sandbox.identity import USER_ID
from bot.sandbox.medium import DOCUMENT
from bot.sandbox.methods.commands import menu_for
from bot.sandbox.parameters import Upload, decode_object
from bot.sandbox.people import Writer
from bot.sandbox.records import Checkout, StoredFile, Task, User
from bot.sandbox.tasks import Tasks, state_of
from bot.sandbox.views import chat_view, message_view
from bot.sandbox.world import World
from telemetry import emit, events

MAX_WAIT_SECONDS: Final = 30.0
LANGUAGES: Final = ("en", "ru")
MAX_NAME: Final = 64
MAX_FILES_BYTES: Final = 120 * 1024 * 1024
ASKED: Final = "x-sandbox"
"""The header that files come with: a browser asks first before a foreign page may send it, and is refused."""
Handler = Callable[[Request], Awaitable[Response]]


class Control:
    """Serves the people's side."""

    def __init__(self, world: World, tasks: Tasks) -> None:
        self._world = world
        self._tasks = tasks

    def routes(self) -> list[BaseRoute]:
        """Return the routes; every refusal is JSON with a `description`."""
        table: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "/health", self._health),
            ("GET", "/state", self._state),
            ("POST", "/users", self._add_user),
            ("GET", "/chats/{chat_id}/messages", self._messages),
            ("POST", "/chats/{chat_id}/text", self._write),
            ("POST", "/chats/{chat_id}/files", self._attach),
            ("POST", "/chats/{chat_id}/press", self._press),
            ("POST", "/chats/{chat_id}/checkout", self._check_out),
            ("GET", "/checkouts", self._show_checkouts),
            ("GET", "/faults", self._show_faults),
            ("POST", "/faults", self._set_faults),
            ("PUT", "/faults", self._set_faults),
            ("GET", "/tasks", self._show_tasks),
            ("GET", "/calls", self._show_calls),
            ("GET", "/files/{file_id}", self._file),
        )
        return [Mount("/sandbox", routes=[Route(path, _guarded(h), methods=[verb]) for verb, path, h in table])]

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"sandbox": "vigil", "pid": os.getpid(), "folder": str(self._world.folder)})

    async def _state(self, request: Request) -> Response:
        world = self._world
        bot = world.chats.bot(world.chats.desk.bot_id)
        chat_id = _id(request.query_params.get("chat") or 0)
        user = world.book.get(User, request.query_params.get("user") or chat_id)
        return JSONResponse(
            {
                "bot": {
                    "id": bot.id,
                    "webhook": bool(bot.webhook_url),
                    "polling": world.polls.is_open(bot.id),
                    "error": bot.error_message,
                },
                "pending": world.mailbox.count(bot.id),
                "users": [asdict(known) for known in world.book.table(User).values()],
                "groups": [group_json(group) for group in world.chats.groups(bot.id)],
                "commands": menu_for(bot, chat_id, user.language if user else "en"),
            }
        )

    async def _add_user(self, request: Request) -> Response:
        given = await _body(request)
        users = self._world.book.table(User)
        chat_id = _id(given.get("id") or max((user.id for user in users.values()), default=0) + 1)
        name, language = str(given.get("name") or "").strip(), str(given.get("language") or "en")
        if len(name) > MAX_NAME:
            raise bad_request(f"a name has at most {MAX_NAME} characters")
        if language not in LANGUAGES:
            raise bad_request(f"the sandbox speaks {' and '.join(LANGUAGES)}")
        async with self._world.book.writing():
            return JSONResponse(asdict(self._world.chats.person(chat_id, name, language)))

    async def _messages(self, request: Request) -> Response:
        """Answer at once when something happened since `heard`, else after up to `wait` seconds."""
        chat_id, query = _id(request.path_params["chat_id"]), request.query_params
        try:
            after, heard = int(query.get("after") or 0), int(query.get("heard") or -1)
            seconds = min(float(query.get("wait") or 0), MAX_WAIT_SECONDS)
        except ValueError as error:
            raise bad_request("after, heard and wait are numbers") from error
        if seconds > 0:
            await self._world.bells.wait(chat_id, heard, seconds)
        return JSONResponse(chat_view(self._world, chat_id, after, is_busy=self._tasks.is_busy))

    async def _write(self, request: Request) -> Response:
        given = await _body(request)
        message = await people.write(self._world, _writer(request, given), str(given.get("text") or ""))
        return JSONResponse(message_view(self._world, message))

    async def _attach(self, request: Request) -> Response:
        """Take files as a form: `file` once or more, and beside them what `_write` takes, `caption` and `kind`."""
        if not request.headers.get(ASKED):
            raise ApiError(415, "Send multipart/form-data with the header X-Sandbox.")
        if int(request.headers.get("content-length") or 0) > MAX_FILES_BYTES:
            raise ApiError(413, f"The sandbox takes {MAX_FILES_BYTES // 2**20} MB at once.")
        try:
            async with request.form(max_files=attachments.MAX_FILES) as form:
                given = {name: value for name, value in form.items() if isinstance(value, str)}
                sent = [each for each in form.getlist("file") if isinstance(each, UploadFile)]
                files = [
                    Upload(each.filename or "file", each.content_type or "application/octet-stream", await each.read())
                    for each in sent
                ]
        except HTTPException as error:
            raise bad_request(f"the form cannot be read: {error.detail}") from error
        writer, caption = _writer(request, given), str(given.get("caption") or "")
        messages = await attachments.attach(self._world, writer, files, caption, str(given.get("kind") or ""))
        return JSONResponse({"messages": [message_view(self._world, message) for message in messages]})

    async def _press(self, request: Request) -> Response:
        given = await _body(request)
        message_id = given.get("message_id")
        query = await people.press(
            self._world,
            _id(request.path_params["chat_id"]),
            str(given.get("label") or ""),
            None if message_id is None else _id(message_id),
            _id(given.get("user") or 0),
        )
        return JSONResponse({"id": query.id, "message_id": query.message_id, "revision": query.revision})

    async def _check_out(self, request: Request) -> Response:
        given = await _body(request)
        asked = await people.check_out(
            self._world,
            _id(request.path_params["chat_id"]),
            str(given.get("payload") or ""),
            str(given.get("currency") or "XTR"),
            _id(given.get("amount")),
        )
        return JSONResponse(asdict(asked))

    async def _show_checkouts(self, _: Request) -> Response:
        return JSONResponse({"checkouts": [asdict(asked) for asked in self._world.book.table(Checkout).values()]})

    async def _show_faults(self, _: Request) -> Response:
        return JSONResponse({"faults": self._world.faults.describe()})

    async def _set_faults(self, request: Request) -> Response:
        given = await _body(request)
        try:
            settings = parse_all(f"{name}={'' if value is None else value}" for name, value in given.items())
        except FaultError as error:
            raise bad_request(str(error)) from error
        for setting in settings:
            self._world.faults.apply(setting)
            emit(
                events.SandboxFaultSet(
                    fault=setting.name, setting="off" if setting.value is None else str(setting.value)
                )
            )
        return await self._show_faults(request)

    async def _show_tasks(self, _: Request) -> Response:
        now = self._world.clock()
        tasks = [asdict(t) | {"state": state_of(t, now)} for t in self._world.book.table(Task).values()]
        return JSONResponse({"count": len(tasks), "tasks": tasks})

    async def _show_calls(self, request: Request) -> Response:
        return JSONResponse(self._world.calls.describe(request.query_params.get("method")))

    async def _file(self, request: Request) -> Response:
        file = self._world.book.get(StoredFile, request.path_params["file_id"])
        if file is None or not await _exists(self._world, file):
            raise ApiError(404, "There is no such file.")
        return FileResponse(
            self._world.files.path(file),
            media_type=file.mime,
            headers={"Cache-Control": "private, max-age=86400"},
            filename=file.title or file.name,
            content_disposition_type="attachment" if file.kind == DOCUMENT else "inline",
        )


def _guarded(handler: Handler) -> Handler:
    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except ApiError as error:
            return JSONResponse({"ok": False, "description": error.description}, error.code)

    return guarded


async def _exists(world: World, file: StoredFile) -> bool:
    return await anyio.Path(world.files.path(file)).is_file()


async def _body(request: Request) -> dict[str, Any]:
    # Demanding JSON makes a browser ask first, so no foreign page can post here behind a person's back.
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ApiError(415, "Send application/json.")
    return decode_object(await request.body())


def _writer(request: Request, given: dict[str, Any]) -> Writer:
    chat_id = _id(request.path_params["chat_id"])
    return Writer(
        chat_id=chat_id,
        user_id=_id(given.get("user") or (USER_ID if chat_id < 0 else 0)),
        name=str(given.get("name") or "")[:MAX_NAME],
        language=str(given.get("language") or ""),
        reply_to=_id(given.get("reply_to") or 0),
    )


def _id(value: object) -> int:
    try:
        return int(str(value))
    except ValueError as error:
        raise bad_request(f"{value!r} is not an id") from error
