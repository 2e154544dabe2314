"""The webhook's answers: each status of the contract, and 200 only for what is committed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import pytest

from supervisor.app import intake
from supervisor.app.intake import MAX_BODY
from supervisor.app.webhook import SECRET_HEADER, WebhookSecrets, webhook
from supervisor.inbox.writer import Limits, Writer
from telemetry import events, testing
from tests.integration.app.conftest import asking
from tests.integration.children import running

SECRETS = WebhookSecrets("the-random-path", "the-header-secret")
UPDATE = {"update_id": 10, "message": {"message_id": 1, "date": 0, "chat": {"id": 5, "type": "private"}, "text": "hi"}}


@dataclass
class Telegram:
    """Delivers to the endpoint as Telegram does."""

    client: httpx.AsyncClient

    async def deliver(self, body: bytes, path: str = SECRETS.path, secret: str = SECRETS.token) -> httpx.Response:
        return await self.client.post(f"/webhook/{path}", content=body, headers={SECRET_HEADER: secret.encode()})


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
        f"/webhook/{SECRETS.path}", content=chunks(), headers={SECRET_HEADER: SECRETS.token.encode()}
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


async def test_an_overloaded_inbox_answers_503_at_once_and_recovers(database_url: str, pool: Any) -> None:
    """Who comes to a full buffer is told when to come again; who is in it gets a true answer, and so do those after."""
    writer = Writer(lambda: database_url, limits=Limits(rows=2, seconds=30.0))
    codes: list[int] = []

    async def deliver(number: int) -> None:
        codes.append((await sender.deliver(json.dumps(UPDATE | {"update_id": number}).encode())).status_code)

    async with running(writer.serve), asking(webhook(lambda: SECRETS, lambda: writer)) as client:
        sender = Telegram(client)
        async with anyio.create_task_group() as group:  # noqa: SIM117 - the lock ends before the group does
            async with pool.acquire() as holder, holder.transaction():
                await holder.execute("LOCK TABLE inbox IN SHARE MODE")
                for number in range(8):
                    group.start_soon(deliver, number)
                with anyio.fail_after(5):
                    while len(codes) < 5:
                        await anyio.lowlevel.checkpoint()
                assert set(codes) == {503}
                refused = await sender.deliver(json.dumps(UPDATE).encode())
                assert int(refused.headers["Retry-After"]) > 0
        assert codes.count(200) == 8 - codes.count(503)
        assert len(await rows(pool)) == codes.count(200)
        assert (await sender.deliver(json.dumps(UPDATE).encode())).status_code == 200


async def test_a_body_that_stops_in_the_middle_holds_up_nobody_and_is_given_up(
    telegram: Telegram, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are stored meanwhile; the slow one ends with 408 and stores nothing."""
    monkeypatch.setattr(intake, "BODY_SECONDS", 0.2)
    never = anyio.Event()

    async def trickle() -> AsyncIterator[bytes]:
        yield b'{"update_id": 1'
        await never.wait()

    async with anyio.create_task_group() as group:
        group.cancel_scope.deadline = anyio.current_time() + 10.0
        slow: list[httpx.Response] = []

        async def deliver() -> None:
            address, headers = f"/webhook/{SECRETS.path}", {SECRET_HEADER: SECRETS.token.encode()}
            slow.append(await telegram.client.post(address, content=trickle(), headers=headers))

        group.start_soon(deliver)
        assert (await telegram.deliver(json.dumps(UPDATE).encode())).status_code == 200
    assert slow[0].status_code == 408
    assert await rows(pool) == [("10", "chat:5", "ready")]


async def test_a_get_is_405_and_an_empty_path_404(telegram: Telegram, pool: Any) -> None:
    """Only a POST brings something."""
    answer = await telegram.client.get(f"/webhook/{SECRETS.path}")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    for path in ("", f"{SECRETS.path}/", f"{SECRETS.path}/more"):
        assert (await telegram.deliver(b"{}", path=path)).status_code == 404
    assert await rows(pool) == []


async def test_every_answer_is_counted_by_its_route_and_never_by_its_path(telegram: Telegram) -> None:
    """The path is a secret, and a guess would make a series of its own."""
    with testing.record() as recorded:
        await telegram.deliver(json.dumps(UPDATE).encode())
        await telegram.deliver(b"{}", path="guess")
    answered, refused = recorded.all(events.RequestAnswered), recorded.all(events.RequestRefused)
    assert [(event.route, event.code) for event in answered] == [("/webhook/{path}", 200)]
    assert [(event.route, event.code) for event in refused] == [("/webhook/{path}", 404)]
