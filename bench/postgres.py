"""A real PostgreSQL that waits for its disk, for one bench: in a home of its own, on the cores it is given.

    async with postgres(cores={1}) as server:
        url = await server.database()               # the whole schema, nothing in it
        other = await server.database(blank=True)   # for a peer that brings its own

The server and all its processes stay on `cores`; so does nothing else, see `pin`.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import anyio
import anyio.to_thread
import asyncpg

from supervisor.embedded import DURABLE, Embedded
from supervisor.migrator import apply_migrations_safe

TEMPLATE = "bench_schema"
PAGE_BYTES = 8192
SYNC_SECONDS, QUICK_SYNC_SECONDS = 1.0, 0.1


@dataclass
class Server:
    """A running server."""

    embedded: Embedded
    syncs: float
    """What its disk can do: fdatasync of one page, a second."""
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def database(self, *, blank: bool = False) -> str:
        """Make a database with the whole schema, or with nothing; return its owner's address."""
        name = f"bench_{next(self._numbers)}"
        template = "" if blank else f"TEMPLATE {TEMPLATE}"
        await self.admin(f"CREATE DATABASE {name} OWNER vigil {template}")
        return _address(self.embedded.url, name)

    async def admin(self, *statements: str, url: str | None = None) -> None:
        """Run statements as the superuser, in the database of `url` if one is given."""
        name = urlsplit(url).path.strip("/") if url else "postgres"
        connection: Any = await asyncpg.connect(_address(self.embedded.admin_url, name))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def pin(self, cores: Collection[int]) -> None:
        """Keep every process of the server on these cores, also those to come."""
        assert self.embedded.pid is not None, "the server is not running"
        pin(self.embedded.pid, cores)


@asynccontextmanager
async def postgres(cores: Collection[int] | None = None, *, quick: bool = False) -> AsyncIterator[Server]:
    """Run a server with fsync on in a new home while the block runs; its data is gone afterwards."""
    with _home() as home:
        seconds = QUICK_SYNC_SECONDS if quick else SYNC_SECONDS
        syncs = await anyio.to_thread.run_sync(syncs_per_second, home, seconds)
        embedded = Embedded(home, DURABLE)
        async with anyio.create_task_group() as group:
            await group.start(_serve, embedded)
            server = Server(embedded, syncs)
            await server.admin(f"CREATE DATABASE {TEMPLATE} OWNER vigil")
            await apply_migrations_safe(_address(embedded.url, TEMPLATE), include_post=True)
            if cores:
                server.pin(cores)
            yield server
            group.cancel_scope.cancel()


@contextmanager
def _home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        # The server may belong to another user, who must be able to pass.
        Path(folder).chmod(0o711)
        yield Path(folder)


async def _serve(embedded: Embedded, *, task_status: Any) -> None:
    await embedded.serve(task_status=task_status)


def pin(pid: int, cores: Collection[int]) -> None:
    """Keep a process and its children on these cores; children to come inherit it."""
    with suppress(ProcessLookupError, FileNotFoundError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)
            for child in (thread / "children").read_text().split():
                pin(int(child), cores)


def syncs_per_second(folder: Path, seconds: float) -> float:
    """Return how often a second the disk under `folder` takes one page: write it in place, fdatasync, again."""
    with tempfile.TemporaryFile(dir=folder) as file:
        number, done = file.fileno(), 0
        os.pwrite(number, bytes(PAGE_BYTES), 0)
        os.fsync(number)
        began = time.perf_counter()
        while (spent := time.perf_counter() - began) < seconds:
            os.pwrite(number, done.to_bytes(8, "little") * (PAGE_BYTES // 8), 0)
            os.fdatasync(number)
            done += 1
    return done / spent


def _address(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
