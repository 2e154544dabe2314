"""Instances that contend for one lock on a real database, and a link between them and it that can be cut."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import anyio
import asyncpg
import pytest
from anyio.abc import TaskStatus

from supervisor.clock import boottime
from supervisor.keeper import Keeper
from supervisor.leading import UNGUARDED, Guard
from supervisor.term import Term
from supervisor.timing import Timing
from supervisor.view import LockState, LockView
from telemetry import testing

LOCK_KEY = 4_213_370_000_000_000_001
QUICK = Timing("quick", renew=0.15, timeout=0.4, soft=1.0, hard=1.3, lease=1.6, watch=0.1, grace=0.1, dead_link=6.0)
"""The proportions of `fast` at a third of its times."""
DEADLINE_SECONDS = 10.0

Connect = Callable[[], Awaitable[Any]]


@pytest.fixture(scope="package")
def shared_database(server: Any, template: str) -> Iterator[str]:
    """One database for all these tests: a fresh one each would take most of their time."""
    with server.database(template) as url:
        yield url


@pytest.fixture
async def database_url(shared_database: str) -> str:
    """The shared database with a lock that nobody has ever held."""
    connection = await asyncpg.connect(shared_database, timeout=10, command_timeout=10)
    # A session of the test before may be on its way out still, with its beacon.
    await connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
    )
    await connection.execute("TRUNCATE lock_heartbeat, lock_epoch, lock_events")
    await connection.close()
    return shared_database


@pytest.fixture
async def connect(database_url: str) -> AsyncIterator[Connect]:
    """Open plain connections that are closed after the test."""
    async with AsyncExitStack() as stack:

        async def opened() -> Any:
            connection = await asyncpg.connect(database_url, timeout=10, command_timeout=10)
            stack.callback(connection.terminate)
            return connection

        yield opened


@pytest.fixture
async def db(connect: Connect) -> Any:
    """One plain connection."""
    return await connect()


@dataclass
class Contestant:
    """A running keeper, with a main loop whose tick the test may stop."""

    url: str | Callable[[], str]
    name: str
    timing: Timing = QUICK
    tick_limit: float = 5.0
    guard: Guard = UNGUARDED
    stalled_at: float | None = None
    keeper: Keeper = field(init=False)
    _scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _ended: anyio.Event = field(default_factory=anyio.Event)
    _failure: BaseException | None = None

    def __post_init__(self) -> None:
        self.keeper = Keeper(
            url=lambda: self.url if isinstance(self.url, str) else self.url(),
            lock_key=LOCK_KEY,
            instance_id=self.name,
            timing=self.timing,
            last_tick=lambda: boottime() if self.stalled_at is None else self.stalled_at,
            tick_limit=self.tick_limit,
            guard=self.guard,
            rng=random.Random(self.name),
        )

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Run the keeper until stopped."""
        try:
            with self._scope:
                await self.keeper.serve(task_status=task_status)
        except ArithmeticError as error:
            self._failure = error
        self._ended.set()

    async def failed(self) -> BaseException | None:
        """Wait for the keeper's end; return what it failed with, if it is the failure that tests provoke."""
        with anyio.fail_after(DEADLINE_SECONDS):
            await self._ended.wait()
        return self._failure

    async def stop(self) -> None:
        """Cancel the keeper, as the tree does, and wait for its end."""
        self._scope.cancel()
        with anyio.fail_after(DEADLINE_SECONDS):
            await self._ended.wait()

    async def working(self) -> Term:
        """Take a term into hands, as the role loop does."""
        with anyio.fail_after(DEADLINE_SECONDS):
            return await self.keeper.active()

    async def until(self, condition: Callable[[LockView], bool]) -> LockView:
        """Wait until the view fulfils the condition."""
        with anyio.fail_after(DEADLINE_SECONDS):
            while not condition(view := self.keeper.view):  # noqa: ASYNC110 - most changes of the view wake nobody
                await anyio.sleep(0.005)
        return view

    async def until_state(self, state: LockState) -> LockView:
        """Wait for a state."""
        return await self.until(lambda view: view.state is state)


@pytest.fixture
async def contest(database_url: str) -> AsyncIterator[Callable[..., Awaitable[Contestant]]]:
    """Start keepers by name; those that still run are stopped after the test."""
    async with anyio.create_task_group() as group:

        async def started(name: str, *, url: str | Callable[[], str] = database_url, **options: Any) -> Contestant:
            contestant = Contestant(url, name, **options)
            await group.start(contestant.run)
            return contestant

        yield started
        group.cancel_scope.cancel()


@pytest.fixture
def recorded() -> Iterator[testing.Recorder]:
    """Every event of the test."""
    with testing.record() as recorder:
        yield recorder


class Link:
    """A unix socket in front of the server's; cut, it drops every connection and refuses new ones."""

    def __init__(self, url: str, folder: Path) -> None:
        parts = urlsplit(url)
        user, _, place = parts.netloc.rpartition("@")
        host, _, port = place.rpartition(":")
        self.url = urlunsplit(parts._replace(netloc=f"{user}@{quote(str(folder), safe='')}:{port}"))
        """The address of the database through this link."""
        self._database = Path(unquote(host)) / f".s.PGSQL.{port}"
        self._path = folder / f".s.PGSQL.{port}"
        self._ends: set[asyncio.StreamWriter] = set()
        self._pumping: set[asyncio.StreamWriter] = set()
        self._quiet: set[asyncio.StreamWriter] = set()
        self._closed = anyio.Event()

    async def mend(self) -> None:
        """Accept connections, for the first time or again."""
        self._server = await asyncio.start_unix_server(self._forward, self._path)

    def cut(self) -> None:
        """Drop everything, accept nothing."""
        self._server.close()
        self._path.unlink(missing_ok=True)
        for end in self._ends:
            end.transport.abort()

    async def until_unused(self) -> None:
        """Wait until no connection is left."""
        with anyio.fail_after(DEADLINE_SECONDS):
            while self._ends:
                await self._closed.wait()

    def silence(self) -> None:
        """Let nothing pass on the connections there are, without a word to either end; new ones work."""
        self._quiet |= self._pumping
        self._pumping = set()

    async def _forward(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(self._database)
        ends = {to_client, to_server}
        self._ends |= ends
        self._pumping |= ends
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._pump, from_client, to_server)
                group.start_soon(self._pump, from_server, to_client)
        finally:
            for end in ends:
                end.transport.abort()
            self._ends -= ends
            self._pumping -= ends
            self._closed.set()
            self._closed = anyio.Event()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Pass on until either side is gone, then end the other; silenced, swallow."""
        with suppress(ConnectionError):
            while chunk := await source.read(65536):
                if sink not in self._quiet:
                    sink.write(chunk)
                    await sink.drain()
        if sink not in self._quiet:
            sink.transport.abort()


@pytest.fixture
async def link(database_url: str) -> AsyncIterator[Link]:
    """A link to the database that the test may cut."""
    with tempfile.TemporaryDirectory(prefix="vg-", dir="/tmp") as folder:
        made = Link(database_url, Path(folder))
        await made.mend()
        yield made
        made.cut()
        await made.until_unused()
