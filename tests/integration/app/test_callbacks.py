"""The provider's callbacks: a known token is answered 200 and kept, whatever the body says; anything else stores nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import anyio
import httpx
import pytest
from pydantic import SecretStr

from supervisor.app.callbacks import callbacks
from supervisor.app.intake import MAX_BODY
from supervisor.inbox.writer import Writer
from telemetry import events, testing
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


@asynccontextmanager
async def locked(pool: Any) -> AsyncIterator[Any]:
    """Let nobody look at a generation while the block runs."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE generation")
        yield connection


async def test_however_many_guess_tokens_most_of_the_pool_stays_free(
    pool: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    """Two are looked up at a time; who waits for long for that is told to come later, and counted."""
    monkeypatch.setattr("supervisor.app.callbacks.LOOKUP_SECONDS", 60.0)
    endpoint, codes = callbacks(lambda: pool, lambda: None), list[int]()
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'generation'::regclass"

    async def guess(client: httpx.AsyncClient) -> None:
        answer = await client.post(f"/callbacks/kie/{uuid4()}", content=b"{}")
        assert (answer.status_code == 503) == ("Retry-After" in answer.headers)
        codes.append(answer.status_code)

    with testing.record() as recorded:
        async with asking(endpoint) as client, anyio.create_task_group() as group, locked(pool) as connection:
            for _ in range(5):
                group.start_soon(guess, client)
            await eventually(lambda: len(codes) >= 3)
            assert await connection.fetchval(waiting) == 2
    assert codes == [503] * 3 + [404] * 2
    assert [event.outcome for event in recorded.all(events.CallbackTaken)] == ["crowded"] * 3


NOW, KEY = 1_800_000_000, "the provider's key"
BODY = b'{"data": {"task_id": "t-1"}}'


def signed(key: str = KEY, at: int = NOW, task: str = "t-1") -> dict[str, str]:
    """Return the headers of a callback that whoever has the key sends."""
    digest = hmac.new(key.encode(), f"{task}.{at}".encode(), hashlib.sha256).digest()
    return {"X-Webhook-Timestamp": str(at), "X-Webhook-Signature": base64.b64encode(digest).decode()}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (signed(), 200),
        (signed(at=NOW - 299), 200),
        (signed(at=NOW - 301), 401),
        (signed(key="guessed"), 401),
        (signed(task="another"), 401),
        ({}, 401),
    ],
    ids=["signed", "not old", "old", "another key", "another task", "unsigned"],
)
async def test_with_the_key_set_only_what_the_provider_signed_is_kept(
    headers: dict[str, str], code: int, token: UUID, pool: Any, database_url: str
) -> None:
    """Forged and old ones are 401 and counted; an unknown token stays 404, however well it is signed."""
    writer = Writer(lambda: database_url)
    endpoint = callbacks(lambda: pool, lambda: writer, SecretStr(KEY), lambda: NOW + 0.5)
    with testing.record() as recorded:
        async with anyio.create_task_group() as group, asking(endpoint) as client:
            await group.start(writer.serve)
            assert (await client.post(f"/callbacks/kie/{token}", content=BODY, headers=headers)).status_code == code
            assert (await client.post(f"/callbacks/kie/{uuid4()}", content=BODY, headers=headers)).status_code == 404
            group.cancel_scope.cancel()
    assert await kept(pool) == (code == 200)
    assert len(recorded.all(events.CallbackTaken)) == (code == 401)


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
