"""Whatever the provider answers, its adapters return a value that can be kept or raise a ProviderError."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.providers import base, kie
from bot.providers.base import Failed, Order, Pending, ProviderError, Succeeded
from bot.providers.call import Line
from bot.providers.uploads import Uploads

FAMILIES = ("market", "veo", "suno", "runway", "gpt4o", "kontext")
ORDER = Order("model", {"prompt": "fox", "scale": Decimal("0.1"), "image_urls": ["https://a/1"]})
NAMES = st.sampled_from(
    [
        *("code", "msg", "data", "taskId", "state", "status", "successFlag", "response", "resultUrls", "resultJson"),
        *("resultImageUrl", "sunoData", "audioUrl", "videoInfo", "videoUrl", "failCode", "failMsg", "errorCode"),
        *("errorMessage", "creditsConsumed", "resultObject", "text", "downloadUrl", "fileUrl", "success"),
    ]
)
WORDS = st.sampled_from(
    [
        *("success", "fail", "SUCCESS", "GENERATE_AUDIO_FAILED", "SENSITIVE_WORD_ERROR", "CALLBACK_EXCEPTION", "501"),
        *(
            '{"resultUrls":["https://a/1"]}',
            '{"resultObject":{"text":"heard"}}',
            "https://a/1",
            "\0",
            "\ud83d",
            "9" * 99,
        ),
    ]
)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text() | st.sampled_from([0, 1, 2, 3, 200])
)
JSON: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=6),
    max_leaves=20,
)
RECORDS = st.fixed_dictionaries({"code": st.just(200), "data": st.dictionaries(NAMES, JSON, max_size=8)})
BODIES = st.binary(max_size=200) | (JSON | RECORDS).map(lambda value: json.dumps(value).encode())
STATUSES = st.just(200) | st.integers(200, 599)


def _kept(text: str) -> None:
    """PostgreSQL takes it."""
    assert "\0" not in text
    text.encode()


def _check(found: object) -> None:
    match found:
        case Pending():
            pass
        case Failed(failure, code, detail):
            assert failure in {"user", "moderation", "ours", "transient"}
            _kept(code + detail)
            assert len(detail) <= base.DETAIL_LENGTH
        case Succeeded(urls, credits_taken, text):
            assert urls or text
            assert credits_taken is None or 0 <= credits_taken <= 10**9
            _kept("".join(urls) + (text or ""))
        case _:
            pytest.fail(f"neither pending nor an end: {found!r}")


async def _tried(call: Any) -> object:
    try:
        return await call
    except ProviderError as error:
        _kept(f"{error} {error.code} {error.detail}")
        return None


@given(body=BODIES, status=STATUSES, family=st.sampled_from(FAMILIES))
async def test_any_answer_is_a_value_or_an_error_of_the_provider(body: bytes, status: int, family: str) -> None:
    """No other exception, and nothing that a database refuses."""
    async with kie.client("https://provider.example", SecretStr("key")) as http:
        http._transport = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
        http._mounts = {}
        provider = kie.families(http)[family]
        if (task_id := await _tried(provider.create(ORDER))) is not None:
            assert isinstance(task_id, str)
            assert task_id.isprintable()
        if (found := await _tried(provider.poll("t"))) is not None:
            _check(found)
        if (balance := await _tried(kie.KieAccount(http).balance())) is not None:
            assert isinstance(balance, Decimal)
        if (url := await _tried(Uploads(Line(http)).upload("a.jpg", "image/jpeg", b"x"))) is not None:
            _kept(str(url))
