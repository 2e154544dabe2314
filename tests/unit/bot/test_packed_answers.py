"""Answers that come packed: they are asked for as they are, and none is unpacked."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from bot.providers import kie
from bot.providers.base import Misconfigured, OutcomeUnknown, ProviderError
from bot.settings import BotSettings
from bot.updates import NoUpdates, Updates

PACKED = gzip.compress(gzip.compress(b'{"code": 200, "ok": true, "result": []}'))


class Wire(httpx.AsyncByteStream):
    """Bytes as they come, and whether anybody took them."""

    is_read = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.is_read = True
        yield PACKED


def _answer(wire: Wire, status: int) -> httpx.MockTransport:
    headers = {"Content-Encoding": "gzip, gzip"}
    return httpx.MockTransport(lambda _: httpx.Response(status, headers=headers, stream=wire))


@pytest.mark.parametrize(("status", "kind"), [(200, OutcomeUnknown), (502, OutcomeUnknown), (401, Misconfigured)])
async def test_a_packed_answer_of_the_provider_is_none(status: int, kind: type[ProviderError]) -> None:
    """What its status says is all that is known; whether the call took effect is not."""
    wire, http = Wire(), kie.client("https://provider.example", SecretStr("key"))
    assert http.headers["Accept-Encoding"] == "identity"
    http._transport, http._mounts = _answer(wire, status), {}
    with pytest.raises(kind):
        await kie.families(http)["market"].poll("t")
    assert not wire.is_read


@pytest.mark.parametrize(("status", "reason"), [(200, "malformed"), (401, "unauthorized"), (409, "conflict")])
async def test_a_packed_answer_with_updates_is_none(status: int, reason: str) -> None:
    """Nobody asked for it, and it is not unpacked."""
    wire = Wire()
    token, key = SecretStr("7000000001:test"), SecretStr("key")
    updates = Updates(BotSettings(telegram_bot_token=token, kie_api_key=key, admin_ids=frozenset({1})))
    updates._client = httpx.AsyncClient(transport=_answer(wire, status))
    with pytest.raises(NoUpdates) as failed:
        await updates.fetch(None)
    assert failed.value.reason == reason
    assert not wire.is_read
