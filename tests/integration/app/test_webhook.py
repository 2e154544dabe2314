"""The webhook's answers: each status of the contract, and 200 only for what is committed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import pytest

from supervisor.app.intake import MAX_BODY
from supervisor.app.webhook import SECRET_HEADER, WebhookSecrets, webhook
from supervisor.inbox.writer import Writer
from tests.integration.app.conftest import asking

SECRETS = WebhookSecrets("the-random-path", "the-header-secret")
UPDATE = {"update_id": 10, "message": {"message_id": 1, "date": 0, "chat": {"id": 5, "type": "private"}, "text": "hi"}}


@dataclass
class Telegram:
    """Delivers to the endpoint as Telegram does."""

    client: httpx.AsyncClient

    async def deliver(self, body: bytes, path: str = SECRETS.path, secret: str = SECRETS.token) -> httpx.Response:
        return await self.client.post(f"/webhook/{path}", content=body, headers={SECRET_HEADER: secret})


@pytest.fixture
async def telegram(database_url: str) -> AsyncIterator[Telegram]:
    """An endpoint with a running writer on a real database."""
    writer = Writer(lambda: database_url)
    async with anyio.create_task_group() as group, asking(webhook(lambda: SECRETS, lambda: writer)) as client:
        await group.start(writer.serve)
        yield Telegram(client)
        group.cancel_scope.cancel()


async def rows(pool: Any) -> list[tuple[str, str, str]]:
    found = await pool.fetch("SELECT dedupe_key, lane, state FROM inbox ORDER BY id")
    return [tuple(row) for row in found]


async def test_200_means_that_the_update_is_in_the_database(telegram: Telegram, pool: Any) -> None:
    """The row is there, ready, in its chat's lane, when the answer arrives; the body is kept byte for byte."""
    body = json.dumps(UPDATE).encode()
    assert (await telegram.deliver(body)).status_code == 200
    assert await rows(pool) == [("10", "chat:5", "ready")]
    assert await pool.fetchval("SELECT body FROM inbox") == body


async def test_a_repeated_delivery_is_200_and_one_row(telegram: Telegram, pool: Any) -> None:
    """Telegram repeats what it is not sure about; the second time changes nothing."""
    body = json.dumps(UPDATE).encode()
    for _ in range(3):
        assert (await telegram.deliver(body)).status_code == 200
    assert await rows(pool) == [("10", "chat:5", "ready")]


async def test_the_wrong_path_is_404_and_the_wrong_secret_401(telegram: Telegram, pool: Any) -> None:
    """Who does not know both stores nothing."""
    body = json.dumps(UPDATE).encode()
    assert (await telegram.deliver(body, path="guess")).status_code == 404
    assert (await telegram.deliver(body, secret="guess")).status_code == 401
    assert (await telegram.deliver(body, secret="")).status_code == 401
    assert await rows(pool) == []


async def test_a_body_over_1_mib_is_413_with_and_without_a_length(telegram: Telegram, pool: Any) -> None:
    """The limit holds for a chunked body too, and one byte less passes."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b"x" * (1 << 16)

    assert (await telegram.deliver(b"x" * (MAX_BODY + 1))).status_code == 413
    chunked = await telegram.client.post(
        f"/webhook/{SECRETS.path}", content=chunks(), headers={SECRET_HEADER: SECRETS.token}
    )
    assert chunked.status_code == 413
    assert await rows(pool) == []
    assert (await telegram.deliver(b"x" * MAX_BODY)).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b'{"update_id": "x"}', b"\xff\xfe", b'{"a": "\\ud800"}'])
async def test_a_body_that_is_no_update_is_200_and_a_dead_row(telegram: Telegram, pool: Any, body: bytes) -> None:
    """A 4xx would make Telegram hold back that chat for a day; nothing is lost, and nothing is handled."""
    assert (await telegram.deliver(body)).status_code == 200
    found = await rows(pool)
    assert [(lane, state) for _, lane, state in found] == [("op:malformed", "dead")]


async def test_texts_that_json_columns_refuse_are_kept(telegram: Telegram, pool: Any) -> None:
    """Zero bytes and lone surrogates arrive in real messages."""
    for number, text in enumerate(["\\u0000", "\\ud83d", "\\udc00 x"], start=20):
        body = json.dumps(UPDATE | {"update_id": number}).replace("hi", text).encode()
        assert (await telegram.deliver(body)).status_code == 200
    assert {state for _, _, state in await rows(pool)} == {"ready"}


async def test_before_the_database_is_there_the_answer_is_503_with_retry_after() -> None:
    """The port is open long before anything can be stored; Telegram asks again."""
    async with asking(webhook(lambda: None, lambda: None)) as client:
        answer = await Telegram(client).deliver(b"{}")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


async def test_an_inbox_that_cannot_store_now_is_503_with_retry_after(database_url: str) -> None:
    """A writer without a connection never answers 200."""
    async with asking(webhook(lambda: SECRETS, lambda: Writer(lambda: database_url))) as client:
        answer = await Telegram(client).deliver(json.dumps(UPDATE).encode())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
