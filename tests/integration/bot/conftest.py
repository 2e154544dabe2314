"""What the bot's tests share: terms on a real database, a sandbox, and the whole bot between them."""

from __future__ import annotations

import gc
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.catalogue import Catalogue, load
from bot.generation import callback
from bot.limits import Limits
from bot.ports import Arrival
from bot.sandbox.client import Client, connected
from bot.sandbox.testing import running, until
from bot.services import Services, Surroundings, build
from bot.settings import BotSettings
from bot.telegram import Reach
from bot.till import Till
from bot.webhook import Webhook
from supervisor.database import LOST, transaction
from tests.oracle import watching

LOCK_KEY = 7
CATALOGUE = load()
IMPATIENT = -1.99
"""In place of luck from 0 to 1: every wait that luck spreads shrinks to next to nothing."""
HASTY = Limits(chat=(100, 1.0))
"""Conversations need not wait a second for each message."""


class TermOver(Exception):
    """What a term of these tests raises once it is over."""


class Killed(BaseException):
    """The process ends here: nothing that follows happens, no clean-up of ours runs."""


@dataclass
class Term:
    """A term that ends when the test says so."""

    epoch: int
    over: bool = False

    async def trusted(self) -> None:
        """Raise once the term is over."""
        if self.over:
            raise TermOver

    def remaining(self) -> float:
        """Return a while, until the term is over."""
        return 0.0 if self.over else 60.0


@dataclass
class Bank:
    """A database under terms: `begin` starts the next one, `transaction` is fenced by the current one.

    `kill_at` ends the process at the transaction that brings the newest generation to that state: before its commit,
    or right after it. `lose_after` loses the database for a while once a generation is in that state.
    """

    pool: Any
    term: Term = field(default_factory=lambda: Term(0))
    lost: tuple[type[Exception], ...] = LOST
    kill_at: str | None = None
    dead: bool = False
    kill_after_commit: bool = True
    lose_after: str | None = None
    lost_times: int = 0

    async def begin(self) -> Term:
        """Start a new term; what an older one still writes is refused."""
        self.term.over = True
        async with self.pool.acquire() as connection:
            await connection.execute("SELECT lock_release($1, 'test', $2)", LOCK_KEY, self.term.epoch)
            epoch = await connection.fetchval("SELECT lock_claim($1, 'test', 600000, NULL, NULL, 'free')", LOCK_KEY)
        self.term = Term(epoch)
        return self.term

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Open a transaction of the current term, unless the process ends."""
        if self.dead:
            raise Killed
        if self.lose_after is not None and self.lost_times < 3:
            query = "SELECT count(*) FROM generation WHERE state = $1"
            # Asked again: others may have been lost while this one waited for its answer.
            if await self.value(query, self.lose_after) and self.lost_times < 3:
                self.lost_times += 1
                raise ConnectionResetError
        async with self.of(self.term) as connection:
            before = await self._newest(connection)
            yield connection
            kills = self.kill_at is not None and before != self.kill_at == await self._newest(connection)
            if kills:
                self.dead = True
            if self.dead and not self.kill_after_commit:
                raise Killed
        if self.dead:
            raise Killed

    async def _newest(self, connection: Any) -> str | None:
        state: str | None = None
        if self.kill_at is not None:
            state = await connection.fetchval("SELECT state FROM generation ORDER BY id DESC LIMIT 1")
        return state

    @asynccontextmanager
    async def of(self, term: Term) -> AsyncIterator[Any]:
        """Open a transaction of the given term."""
        async with self.pool.acquire() as connection, transaction(connection):
            await connection.execute("SELECT lock_fence($1, $2)", LOCK_KEY, term.epoch)
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        """Borrow a connection outside of any term."""
        async with self.pool.acquire() as connection:
            yield connection

    async def value(self, query: str, *args: object) -> Any:
        """Return one value."""
        async with self.reading() as connection:
            return await connection.fetchval(query, *args)

    async def write(self, query: str, *args: object) -> None:
        """Change rows as time would."""
        async with self.of(self.term) as connection:
            await connection.execute(query, *args)


@pytest.fixture
async def bank(pool: Any) -> Bank:
    """A database in its first term."""
    opened = Bank(pool)
    await opened.begin()
    return opened


@dataclass(frozen=True)
class Row:
    """What arrived, as the inbox hands it on."""

    source: str
    body: bytes


class Inbox:
    """The inbox of a bot that does not poll."""

    async def put(self, arrival: Arrival) -> Any:
        """Fail the test: only a poller puts, and none of these bots has one."""
        pytest.fail(f"{arrival} was put into the inbox of a bot that does not poll")


@dataclass
class House:
    """The whole bot of one term after the other, on a sandbox; what is delivered to it is handled at once."""

    bank: Bank
    sandbox: Client
    home: Path
    address: str = ""
    services: Services | None = None
    errors: list[Exception] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    handled: int = 0
    callbacks: list[bytes] = field(default_factory=list)
    hears_callbacks: bool = False
    catalogue: Catalogue = CATALOGUE

    @asynccontextmanager
    async def open(self, *only: str, luck: float = IMPATIENT) -> AsyncIterator[Services]:
        """Run the children of the current term (or only these), started one after the other."""
        self.services = services = build(self._surroundings(luck), self.catalogue)
        async with anyio.create_task_group() as group:
            for name, serve in services.children.items():
                if not only or name in only:
                    await group.start(_serving(serve))
            try:
                yield services
            finally:
                self.services = None
                group.cancel_scope.cancel()
        # The death of a process closes its sockets. A connection that was cancelled at the moment it was made is left
        # to the collector by the library that made it: here it stands in for the kernel.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()

    async def update(self, request: Request) -> Response:
        """Handle an update in a transaction of the current term; a failure is kept for the test."""
        if self.services is None:
            return Response(status_code=503, headers={"Retry-After": "1"})
        try:
            await self.handle("telegram", await request.body())
        except Exception as error:  # noqa: BLE001 - kept, and asserted by the fixture
            self.errors.append(error)
        self.handled += 1
        return Response()

    async def callback(self, request: Request) -> Response:
        """Keep a callback, and handle it if the test wants callbacks to be heard."""
        arrival = callback.arrival(UUID(request.path_params["token"]), await request.body())
        self.callbacks.append(arrival.body)
        if self.hears_callbacks:
            await self.handle("kie", arrival.body)
        return Response()

    async def handle(self, source: str, body: bytes) -> None:
        """Handle a row of the inbox."""
        assert self.services is not None
        async with self.bank.of(self.bank.term) as connection:
            await self.services.handle(Row(source, body), connection)
        self.services.committed()

    async def write(self, text: str, chat: int, *, language: str = "en", expect: int = 1) -> None:
        """Let a person write, and wait until that is handled."""
        await self._handled(lambda: self.sandbox.write(text, chat, language=language), expect)

    async def press(self, label: str, chat: int) -> None:
        """Let a person press the newest button with this label, once it is there, and wait until that is handled."""

        async def is_there() -> bool:
            return any(label in message["buttons"] for message in await self.messages(chat))

        await until(is_there, f"there is a button {label!r}")
        await self._handled(lambda: self.sandbox.press(label, chat), 1)

    async def messages(self, chat: int) -> list[dict[str, Any]]:
        """Return the chat's messages, oldest first."""
        found: list[dict[str, Any]] = (await self.sandbox.chat(chat))["messages"]
        return found

    async def state(self, user: int) -> str:
        """Return the state of the user's newest generation."""
        return str(
            await self.bank.value("SELECT state FROM generation WHERE user_id = $1 ORDER BY id DESC LIMIT 1", user)
        )

    async def reaches(self, state: str, user: int, seconds: float = 10) -> None:
        """Return once the user's newest generation is in the state."""

        async def is_there() -> bool:
            return await self.state(user) == state

        await until(is_there, f"the generation is {state}", seconds)

    async def _handled(self, act: Callable[[], Awaitable[Any]], count: int) -> None:
        wanted = self.handled + count
        await act()

        async def is_done() -> bool:
            return self.handled >= wanted

        await until(is_done, "the update is handled")

    def _surroundings(self, luck: float) -> Surroundings:
        given = {
            "telegram_bot_token": "7000000001:test",
            "kie_api_key": "key",
            "admin_ids": frozenset({1}),
            "telegram_api_url": self.sandbox.address,
            "kie_api_url": f"{self.sandbox.address}/kie",
            "webhook_base_url": self.address,
            **self.settings,
        }
        settings = BotSettings.model_validate(given)
        reach = Reach(Webhook(f"{self.address}/hook", "secret"), _nothing, _forget)
        return Surroundings(
            settings,
            self.bank,
            self.bank.term,
            Inbox(),
            reach,
            self.home,
            not_stored=(),
            till=Till(self.bank.reading, ()),
            luck=lambda: luck,
            limits=HASTY,
        )


async def _nothing() -> str | None:
    return None


async def _forget(_: str) -> None:
    return None


def _serving(serve: Any) -> Any:
    async def run(*, task_status: Any) -> None:
        await serve(task_status=task_status)

    return run


@pytest.fixture
async def sandbox(home: Path) -> AsyncIterator[Client]:
    """The people's side of a running sandbox whose provider is quick."""
    with watching() as oracle:
        async with running(home) as address, connected(address) as client:
            await client.set_faults(provider_latency=0, telegram_backoff=0.01)
            yield client
    oracle.judge()


@pytest.fixture
async def house(bank: Bank, sandbox: Client, home: Path) -> AsyncIterator[House]:
    """A bot that is ready to be opened; no update may have failed when the test ends."""
    built = House(bank, sandbox, home)
    routes = [
        Route("/hook", built.update, methods=["POST"]),
        Route("/callbacks/kie/{token}", built.callback, methods=["POST"]),
    ]
    config = uvicorn.Config(Starlette(routes=routes), port=0, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)

    async def is_listening() -> bool:
        return server.started

    async with anyio.create_task_group() as group:
        # Not serve(), which would take over the signals of the test process.
        group.start_soon(server._serve)
        await until(is_listening, "the bot's port is open")
        built.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield built
        server.should_exit = True
    assert built.errors == []
