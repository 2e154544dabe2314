"""The provider's callbacks: a known token is answered 200 and kept, whatever the body says; anything else stores nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import anyio
import httpx
import pytest

from supervisor.app.callbacks import callbacks
from supervisor.app.intake import MAX_BODY
from supervisor.inbox.writer import Writer
from tests.integration.app.conftest import asking

GENERATION = """
INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price)
VALUES (5, 5, 'chat:5', 'z-image', '{}', 0) RETURNING callback_token
"""


@pytest.fixture
async def provider(database_url: str, pool: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the endpoint, with a running writer on a real database."""
    writer = Writer(lambda: database_url)
    async with anyio.create_task_group() as group, asking(callbacks(lambda: pool, lambda: writer)) as client:
        await group.start(writer.serve)
        yield client
        group.cancel_scope.cancel()


@pytest.fixture
async def token(pool: Any) -> UUID:
    """The token of a generation."""
    async with pool.acquire() as connection, connection.transaction():
        epoch = await connection.fetchval("SELECT lock_claim(1, 'test', 10000, 0, 0, 'free')")
        await connection.execute("SELECT lock_fence(1, $1)", epoch)
        await connection.execute("INSERT INTO users (id, language) VALUES (5, 'en')")
        found: UUID = await connection.fetchval(GENERATION)
    return found


async def kept(pool: Any) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM inbox WHERE source = 'kie' AND state = 'ready'"))


@pytest.mark.parametrize("body", [b'{"data": {"taskId": "t-1"}}', b"", b"\xff", b"[[[["])
async def test_a_known_token_is_answered_200_and_kept_once(
    provider: httpx.AsyncClient, token: UUID, pool: Any, body: bytes
) -> None:
    """A hint to look: its body is not believed, so a broken one is as good; the same one twice is one row."""
    for _ in range(2):
        assert (await provider.post(f"/callbacks/kie/{token}", content=body)).status_code == 200
    assert await kept(pool) == 1


async def test_an_unknown_token_is_404_and_stores_nothing(provider: httpx.AsyncClient, pool: Any) -> None:
    """Guessing costs us one look at an index, and gains nothing."""
    for guess in (str(uuid4()), "guess", "' OR true --"):
        assert (await provider.post(f"/callbacks/kie/{guess}", content=b"{}")).status_code == 404
    assert await kept(pool) == 0


async def test_a_body_over_1_mib_is_413(provider: httpx.AsyncClient, token: UUID, pool: Any) -> None:
    """Nothing that large comes from the provider."""
    assert (await provider.post(f"/callbacks/kie/{token}", content=b"x" * (MAX_BODY + 1))).status_code == 413
    assert await kept(pool) == 0


async def test_what_cannot_be_looked_up_or_stored_now_is_503_with_retry_after(
    token: UUID, pool: Any, database_url: str
) -> None:
    """The provider calls again; a token that cannot be looked up is not an unknown one."""
    unconnected = Writer(lambda: database_url)
    for find in (lambda: None, lambda: pool):
        async with asking(callbacks(find, lambda: unconnected)) as client:
            answer = await client.post(f"/callbacks/kie/{token}", content=b"{}")
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
