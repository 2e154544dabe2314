"""One process, one port: the Bot API, the provider, the people's side and the chat page.

Start: folder locked and read → port bound → tasks and lanes taken up → answering.
Stop (cancellation): long polls are answered, open requests get two seconds, lanes and tasks are cut off where they
are (they go on at the next start), the state is closed last.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import anyio
import httpx
import uvicorn
from anyio.abc import TaskStatus
from starlette.applications import Starlette

from bot.sandbox import loopback, page, telegram
from bot.sandbox.bells import Bells
from bot.sandbox.book import Book
from bot.sandbox.calls import Calls
from bot.sandbox.chats import Chats
from bot.sandbox.control import Control
from bot.sandbox.delivery import Delivery
from bot.sandbox.faults import Faults
from bot.sandbox.files import Files
from bot.sandbox.flood import Flood
from bot.sandbox.identity import BOT_ID
from bot.sandbox.mailbox import Mailbox
from bot.sandbox.polls import Polls
from bot.sandbox.provider import Provider
from bot.sandbox.store import Store
from bot.sandbox.tasks import Tasks
from bot.sandbox.world import World

HOST: Final = "127.0.0.1"
CLIENT_SECONDS: Final = 60.0
STOP_SECONDS: Final = 2


class PortTakenError(Exception):
    """Something else listens on the port."""


class _Server(uvicorn.Server):
    """Leaves the signals to whoever runs the process, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = anyio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


async def serve(
    home: Path,
    port: int,
    *,
    clock: Callable[[], float] = time.time,
    task_status: TaskStatus[str] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve on the port of this machine (0: any free one) until cancelled; `started` gets the address.

    Raises:
        PortTakenError: something listens there.
        HomeInUseError: another sandbox works on this home.
    """
    folder = home / "sandbox"
    store = Store(folder)
    with _bind(port) as listener:
        try:
            async with loopback.client(CLIENT_SECONDS) as client:
                address = f"http://{HOST}:{listener.getsockname()[1]}"
                world = await _open(store, folder, address, client, clock)
                await _run(world, listener, task_status)
        finally:
            with anyio.move_on_after(5, shield=True):
                await store.close()


def _bind(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise PortTakenError(f"The sandbox could not listen on {HOST}:{port}: {error.strerror}.") from error
    return listener


async def _open(
    store: Store, folder: Path, address: str, client: httpx.AsyncClient, clock: Callable[[], float]
) -> World:
    book, bells = Book(store), Bells()
    chats, mailbox, polls = Chats(book, bells, clock), Mailbox(book, clock), Polls()
    world = World(
        folder=folder,
        address=address,
        clock=clock,
        client=client,
        book=book,
        bells=bells,
        chats=chats,
        mailbox=mailbox,
        polls=polls,
        files=Files(folder / "files", book, client),
        faults=Faults(),
        calls=Calls(),
        flood=Flood(),
    )
    await book.open()
    for place in (folder / "files", world.results):
        await anyio.Path(place).mkdir(mode=0o700, exist_ok=True)
    mailbox.open()
    mailbox.watch(polls.ring)
    world.faults.watch(polls.ring_all)
    await chats.open(BOT_ID)
    return world


async def _run(world: World, listener: socket.socket, task_status: TaskStatus[str]) -> None:
    tasks, delivery = Tasks(world), Delivery(world)
    routes = [
        *page.routes(),
        *Control(world, tasks).routes(),
        *Provider(world, tasks).routes(),
        *telegram.routes(world),
    ]
    config = uvicorn.Config(
        page.Guard(Starlette(routes=routes)),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    async with anyio.create_task_group() as group:
        await group.start(tasks.serve)
        await group.start(delivery.serve)
        await group.start(_answer, _Server(config), listener, world)
        task_status.started(world.address)


async def _answer(server: _Server, listener: socket.socket, world: World, *, task_status: TaskStatus[None]) -> None:
    """Answer requests until cancelled, then let the open ones end within `STOP_SECONDS`."""
    async with anyio.create_task_group() as group:
        group.start_soon(_stop_when_cancelled, server, world)
        group.start_soon(_announce, server, task_status)
        with anyio.CancelScope(shield=True):
            await server.serve(sockets=[listener])
        group.cancel_scope.cancel()


async def _announce(server: _Server, task_status: TaskStatus[None]) -> None:
    await server.listening.wait()
    task_status.started()


async def _stop_when_cancelled(server: _Server, world: World) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        world.bells.close()
        world.polls.close()
        server.should_exit = True
