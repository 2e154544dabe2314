"""The question that decides about an outage, asked of a real server."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import asyncpg

from supervisor.outage import ask


async def test_a_database_that_answers_is_not_away(database_url: str) -> None:
    """Both addresses are asked, the direct one and the pooler's."""
    assert await ask([database_url, database_url]) is None
    assert isinstance(
        getattr(await ask([database_url, "postgresql://vigil@127.0.0.1:1/none"]), "__cause__", None), OSError
    )


async def test_a_database_that_takes_no_connections_is_away(server: Any, database_url: str) -> None:
    """A restore, a full server, a changed password: nobody can work with it, whatever the word for it is."""
    name = database_url.rpartition("/")[2].partition("?")[0]
    server.admin(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    assert isinstance(getattr(await ask([database_url]), "__cause__", None), asyncpg.PostgresError)


async def test_a_server_that_says_nothing_is_away_within_the_time_it_has() -> None:
    """A host that swallows every packet holds no child longer than the question lasts."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = anyio.current_time()
        error = await ask([f"postgresql://vigil@127.0.0.1:{silent.getsockname()[1]}/none"], seconds=0.2)
        assert isinstance(getattr(error, "__cause__", None), TimeoutError)
        assert anyio.current_time() - began < 5


async def test_a_stopped_server_is_away_and_a_started_one_is_not(make_server: Callable[..., Any], home: Path) -> None:
    """The embedded server, too, which has no port but a socket in a folder that comes and goes."""
    server = make_server(at=home)
    with server.running():
        url = server.url
        assert await ask([url]) is None
    assert isinstance(getattr(await ask([url]), "__cause__", None), OSError)
    with server.running():
        assert await ask([url]) is None
