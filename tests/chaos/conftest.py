"""A server of its own for the faults, and a fleet whose every run is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal

from supervisor.embedded import THROWAWAY, Profile
from supervisor.migrator import apply_migrations_safe
from tests.chaos.arena import Arena
from tests.chaos.fleet import Fleet

TEMPLATE = "chaos"
JUDGED = Profile(
    {
        **THROWAWAY.settings,
        "synchronous_commit": "on",
        "track_commit_timestamp": "on",
        "track_functions": "pl",
        "wal_writer_delay": "10s",
    },
    THROWAWAY.initdb,
)
"""Commits are timed for the referee; a crash loses every beat since the last synchronous commit."""


@pytest.fixture(scope="session")
def arena(
    server_at: Callable[[Path, Profile], Any],
    portal: BlockingPortal,
    lend_folder: Callable[..., AbstractContextManager[Path]],
) -> Iterator[Arena]:
    """The server that the faults of this test process happen to."""
    with lend_folder() as folder:
        opened = Arena(server_at(folder, JUDGED), portal)
        opened.up()
        try:
            opened.server.admin(f"CREATE DATABASE {TEMPLATE} OWNER vigil")
            portal.call(_migrate, opened.server.url_of(TEMPLATE))
            yield opened
        finally:
            opened.close()


async def _migrate(url: str) -> None:
    await apply_migrations_safe(url, include_post=True)


@pytest.fixture
def unjudged(arena: Arena, home: Path) -> Iterator[Fleet]:
    """Instances on a fresh database; for what breaks a rule on purpose."""
    with arena.server.database(TEMPLATE) as url, Fleet(arena, url, home).running() as made:
        yield made


@pytest.fixture
def fleet(unjudged: Fleet) -> Iterator[Fleet]:
    """Instances on a fresh database; at the end the referee must have found nothing."""
    yield unjudged
    assert unjudged.verdict().violations == ()
