"""What every test may ask for: a real PostgreSQL, a fresh database each, and programs that may be absent."""

from __future__ import annotations

import inspect
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import anyio
import asyncpg
import pytest
from anyio.abc import TaskStatus
from anyio.from_thread import BlockingPortal, start_blocking_portal

from supervisor import database
from supervisor.embedded import THROWAWAY, Embedded, Profile
from supervisor.migrator import apply_migrations_safe

TEMPLATE = "tpl"
DISK = Path("/tmp")  # noqa: S108 - a short path; the folders in it have random names
MEMORY = Path("/dev/shm")  # noqa: S108 - as above
MEMORY_BYTES = 1_000_000_000
DEADLINE_SECONDS = 30.0
NEEDS = "needs "
ALIASES = {"chromium": ("chromium", "chromium-browser", "google-chrome")}
"""Names under which a program may be installed."""

for _number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT):
    # Ignored signals are inherited: under `nohup` or in the background, what the tests start would be deaf to them.
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Everything runs on asyncio: asyncpg and python-telegram-bot know nothing else."""
    return "asyncio"


class Server:
    """An embedded PostgreSQL on an event loop in a thread of its own, so that sync and async tests can use it."""

    def __init__(self, home: Path, portal: BlockingPortal, profile: Profile) -> None:
        self.embedded = Embedded(home, profile)
        self._portal = portal
        self._numbers = count(1)
        self._gone = threading.Event()

    @property
    def url(self) -> str:
        """The DSN of the bot's own user and database."""
        return self.embedded.url

    @property
    def admin_url(self) -> str:
        """The DSN of the superuser."""
        return self.embedded.admin_url

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        assert self.embedded.pid is not None, "the server is not running"
        return self.embedded.pid

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Run the server while the block runs; enter again to start it anew on the same data."""
        self._task, _ = self._portal.start_task(self._serve)
        try:
            yield self
        finally:
            self._task.cancel()
            assert self._gone.wait(DEADLINE_SECONDS), "the server did not stop"

    def failure(self) -> BaseException | None:
        """Wait until the server ends by itself, and return why."""
        return self._task.exception(DEADLINE_SECONDS)

    async def _serve(self, *, task_status: TaskStatus[None]) -> None:
        self._gone.clear()
        try:
            await self.embedded.serve(task_status=task_status)
        finally:
            self._gone.set()

    def admin(self, *statements: str) -> None:
        """Run statements as the superuser, outside of any transaction."""
        self._portal.call(self._admin, statements)

    @contextmanager
    def database(self, template: str | None) -> Iterator[str]:
        """Lend the DSN of a fresh database, a copy of `template`."""
        name = f"t_{next(self._numbers)}"
        source = f"TEMPLATE {template} STRATEGY FILE_COPY" if template else ""
        self.admin(f"CREATE DATABASE {name} OWNER vigil {source}")
        try:
            yield self.url_of(name)
        finally:
            self.admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def url_of(self, name: str) -> str:
        """Return the DSN of another database of this server."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    async def _admin(self, statements: tuple[str, ...]) -> None:
        connection = await asyncpg.connect(self.admin_url, timeout=10, command_timeout=30)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close(timeout=5)


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """An event loop in a thread, for what must outlive a test's own loop."""
    with start_blocking_portal(backend="asyncio") as opened:
        yield opened


@pytest.fixture(scope="session")
def lend_folder() -> Callable[..., AbstractContextManager[Path]]:
    """Folders for fixtures that last longer than a test, or need a disk: `lend_folder(DISK)`."""
    return short_folder


@contextmanager
def short_folder(base: Path | None = None) -> Iterator[Path]:
    """Lend a folder with a path short enough for a unix socket, which another user can pass but not list."""
    folder = Path(tempfile.mkdtemp(prefix="vg-", dir=base or fastest()))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def fastest() -> Path:
    """Memory where there is enough of it: a server is created there several times faster than on a disk."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_BYTES
    return MEMORY if roomy else DISK


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty VIGIL_HOME of the test's own."""
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def server(portal: BlockingPortal) -> Iterator[Server]:
    """The PostgreSQL of this test process: started once, fast instead of durable."""
    with short_folder() as folder:
        started = Server(folder, portal, THROWAWAY)
        with started.running():
            yield started


@pytest.fixture(scope="session")
def server_at(portal: BlockingPortal) -> Callable[[Path, Profile], Server]:
    """A server, not yet running, in any home."""
    return lambda at, profile: Server(at, portal, profile)


@pytest.fixture
def make_server(home: Path, server_at: Callable[[Path, Profile], Server]) -> Callable[..., Server]:
    """A server of the test's own, to be killed and restarted: `make_server(DURABLE)`, then `with it.running()`."""

    def make(profile: Profile = THROWAWAY, at: Path = home) -> Server:
        return server_at(at, profile)

    return make


@pytest.fixture(scope="session")
def template(server: Server, portal: BlockingPortal) -> str:
    """The name of a database with every migration applied, to be copied and never connected to again."""
    server.admin(f"CREATE DATABASE {TEMPLATE} OWNER vigil")

    async def migrate() -> None:
        await apply_migrations_safe(server.url_of(TEMPLATE), include_post=True)

    portal.call(migrate)
    return TEMPLATE


@pytest.fixture
def database_url(server: Server, template: str) -> Iterator[str]:
    """The DSN of a fresh database with the whole schema; its user owns it and is no superuser."""
    with server.database(template) as url:
        yield url


@pytest.fixture
def empty_database_url(server: Server) -> Iterator[str]:
    """The DSN of a fresh database that no migration has seen."""
    with server.database(None) as url:
        yield url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Any]:
    """A small pool on `database_url`, with the settings of the real one."""
    async with database.pool(database_url, size=4, application_name="vigil test") as opened:
        yield opened


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Awaitable[Any]]:
    """A way to ask again and again until the answer is true; fails after `seconds`.

    For example: `await eventually(lambda: pool.fetchval("SELECT …"), seconds=5)`.
    """

    async def ask(question: Callable[[], Any], seconds: float = 10.0) -> Any:
        with anyio.fail_after(seconds):
            while True:
                answer = question()
                if inspect.isawaitable(answer):
                    answer = await answer
                if answer:
                    return answer
                await anyio.sleep(0.01)

    return ask


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose program is absent; fail it where every program was promised."""
    for marker in item.iter_markers("needs"):
        for tool in marker.args:
            if find_program(tool) is None:
                reason = f"{NEEDS}{tool}: not found on PATH"
                if os.environ.get("VIGIL_TEST_REQUIRE") == "all":
                    pytest.fail(f"{reason}, and VIGIL_TEST_REQUIRE=all allows no skip", pytrace=False)
                # Reported and listed at the end, so that it is never taken for a pass.
                pytest.skip(reason)


@pytest.fixture(scope="session")
def program() -> Callable[[str], str | None]:
    """Where a program is, by any of its names: `program("chromium")`."""
    return find_program


def find_program(tool: str) -> str | None:
    """Return where a program is: on PATH, or beside this interpreter."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return next((found for name in ALIASES.get(tool, (tool,)) if (found := shutil.which(name, path=path))), None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the tests that were skipped because a program is absent, so that a skip is never taken for a pass."""
    missing: dict[str, list[str]] = {}
    for report in terminalreporter.getreports("skipped"):
        reason = report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else ""
        if reason.startswith(NEEDS):
            missing.setdefault(reason, []).append(report.nodeid)
    if missing:
        terminalreporter.section("NOT TESTED: programs that are absent here")
        for reason, tests in sorted(missing.items()):
            terminalreporter.line(f"{reason}: {len(tests)} tests")
            for test in tests:
                terminalreporter.line(f"    {test}")
