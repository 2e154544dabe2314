"""One webhook server as a process: `python -m bench.receiver KIND DATABASE_URL CORE`; prints the port it listens on.

    ours               the public application on uvicorn, the group-commit writer, metrics and JSON log as in production
    ours, silent       the same without any telemetry
    ours, traced       the same with traces of every tenth request
    naive              the same application; instead of the writer one INSERT a request on a pool of 16
    PTB                python-telegram-bot's own webhook server and queue; a consumer drops what comes
    aiogram            SimpleRequestHandler on aiohttp, a handler that does nothing

It ends with its input, so that it never outlives the bench.
"""

from __future__ import annotations

import asyncio
import gc
import logging as standard_logging
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import anyio

from bot import catalogue
from bot.ports import Arrival
from bot.settings import BotSettings
from supervisor import database
from supervisor.app import routes
from supervisor.app.instance import Instance
from supervisor.app.webhook import WebhookSecrets
from supervisor.http import HttpServer
from supervisor.inbox.writer import Writer
from supervisor.settings import Settings
from supervisor.signals import Ladder
from supervisor.term import lock_key_for
from supervisor.timing import PROFILES
from telemetry import logging, metrics, tracing

PATH, SECRET = "the-random-path-of-the-bench", "the-secret-of-the-bench"
TOKEN = "7:" + "a" * 35
POOL = 16
NAIVE = "INSERT INTO inbox (source, dedupe_key, lane, body) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING id"
OURS = ("ours", "ours, silent", "ours, traced")


class Naive:
    """In the writer's place: every request waits for a connection and a commit of its own."""

    connected = True

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def put(self, arrival: Arrival) -> Literal["new", "duplicate"]:
        """Return once the row is committed."""
        row = (arrival.source, arrival.dedupe_key, arrival.lane, arrival.body)
        return "duplicate" if await self._pool.fetchval(NAIVE, *row) is None else "new"


def instance(url: str) -> Instance:
    """Return an instance as `vigil run` builds it, with secrets that the client knows."""
    base = Settings.model_validate({"vigil_home": Path("unused"), "database_url": url})
    bot = BotSettings.model_validate({"telegram_bot_token": TOKEN, "kie_api_key": "k" * 20, "admin_ids": "7"})
    made = Instance(base, bot, PROFILES["standard"], lock_key_for(bot.bot_id), catalogue.load(), Ladder())
    made.webhook_secrets = WebhookSecrets(PATH, SECRET)
    return made


async def ours(kind: str, url: str) -> None:
    """Serve the real application."""
    made = instance(url)
    if kind != "ours, silent":
        logging.configure(level="INFO", format="json", instance_id=made.instance_id)
        metrics.configure(instance_id=made.instance_id, version="bench")
    if kind == "ours, traced":
        tracing.configure(instance_id=made.instance_id, version="bench", environ=os.environ)
    async with anyio.create_task_group() as group:
        if kind == "naive":
            made.writer = Naive(await group.start(_pool, url))  # type: ignore[assignment] # it stands in for it
        else:
            made.writer = Writer(lambda: url)
            await group.start(_serve, made.writer)
        listening = _listening()
        await group.start(_serve, HttpServer(routes.public(made), listening))
        # As the daemon does once it has started.
        gc.freeze()
        say(listening)


async def _pool(url: str, *, task_status: Any) -> None:
    async with database.pool(url, size=POOL) as opened:
        task_status.started(opened)
        await anyio.sleep_forever()


async def _serve(child: Any, *, task_status: Any) -> None:
    await child.serve(task_status=task_status)


async def ptb(_kind: str, _url: str) -> None:
    """Serve with `Updater.start_webhook`; only its calls to Telegram are answered here."""
    from telegram.ext import Application
    from telegram.request import BaseRequest

    class Offline(BaseRequest):
        read_timeout = None

        async def initialize(self) -> None: ...

        async def shutdown(self) -> None: ...

        async def do_request(self, url: str, *_arguments: Any, **_options: Any) -> tuple[int, bytes]:
            me = b'{"id":7,"is_bot":true,"first_name":"Bench","username":"bench_bot"}'
            return 200, b'{"ok":true,"result":%b}' % (me if url.endswith("getMe") else b"true")

    application = Application.builder().token(TOKEN).request(Offline()).get_updates_request(Offline()).build()
    await application.initialize()
    listening = _listening()
    assert application.updater is not None
    await application.updater.start_webhook(
        url_path=f"webhook/{PATH}", secret_token=SECRET, unix=listening, webhook_url="https://bot.invalid"
    )
    say(listening)
    while True:
        await application.update_queue.get()


async def aiogram(_kind: str, _url: str) -> None:
    """Serve with its webhook handler as its documentation shows it."""
    from aiogram import Bot, Dispatcher
    from aiogram.types import Message
    from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
    from aiohttp import web

    dispatcher, bot = Dispatcher(), Bot(TOKEN)

    async def handle(_message: Message) -> None: ...

    dispatcher.message.register(handle)
    application = web.Application()
    SimpleRequestHandler(dispatcher, bot, secret_token=SECRET).register(application, path=f"/webhook/{PATH}")
    setup_application(application, dispatcher, bot=bot)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    listening = _listening()
    await web.SockSite(runner, listening).start()
    say(listening)
    await anyio.sleep_forever()


def _listening() -> socket.socket:
    made = socket.create_server(("127.0.0.1", 0), backlog=1024)
    made.setblocking(False)
    return made


def say(listening: socket.socket) -> None:
    """Tell the bench where to come."""
    print(listening.getsockname()[1], flush=True)


def _end_with_input() -> None:
    if not os.read(0, 1024):
        os._exit(1)


async def main(kind: str, url: str) -> None:
    """Serve until the input ends."""
    standard_logging.getLogger().setLevel(standard_logging.WARNING)
    asyncio.get_running_loop().add_reader(0, _end_with_input)
    peers: dict[str, Callable[..., Any]] = {"PTB": ptb, "aiogram": aiogram}
    await peers.get(kind, ours)(kind, url)


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[3])})
    asyncio.run(main(sys.argv[1], sys.argv[2]))
