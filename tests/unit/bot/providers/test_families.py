"""The families' records, also in the forms that a sandbox does not send."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bot.providers import base, kie
from bot.providers.base import Failed, Order, Pending, Succeeded
from bot.providers.call import Line
from bot.providers.uploads import Uploads

A, B = "https://a/1", "https://a/2"
SUNO = {"response": {"sunoData": [{"audioUrl": A}, {"audioUrl": B}]}}


def _http(answer: httpx.Response, seen: list[httpx.Request] | None = None) -> httpx.AsyncClient:
    def handler(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return answer

    return httpx.AsyncClient(transport=httpx.MockTransport(handler), base_url="http://provider")


def _answer(code: int, msg: str, data: object = None) -> httpx.Response:
    return httpx.Response(200, text=json.dumps({"code": code, "msg": msg, "data": data}))


def _data(data: object) -> httpx.Response:
    return _answer(200, "success", data)


@pytest.mark.parametrize(
    ("family", "data", "expected"),
    [
        ("veo", {"successFlag": 0}, Pending()),
        ("veo", {"successFlag": None}, Pending()),
        ("veo", {"successFlag": 7}, Pending()),
        (
            "veo",
            {"successFlag": 1, "response": {"resultUrls": [A]}, "creditsConsumed": 60},
            Succeeded((A,), Decimal(60)),
        ),
        ("veo", {"successFlag": 2, "errorCode": 422, "errorMessage": "bad"}, Failed("user", "422", "bad")),
        ("veo", {"successFlag": 3, "errorCode": None, "errorMessage": ""}, Failed("transient", "unknown", "")),
        ("gpt4o", {"successFlag": 1, "response": {"resultUrls": [A, B]}}, Succeeded((A, B), None)),
        ("kontext", {"successFlag": 1, "response": {"resultImageUrl": A}}, Succeeded((A,), None)),
        ("kontext", {"successFlag": 1, "response": {"resultUrls": [A]}}, Succeeded((A,), None)),
        ("runway", {"state": "queueing"}, Pending()),
        ("runway", {"state": "success", "videoInfo": {"videoUrl": A}}, Succeeded((A,), None)),
        ("runway", {"state": "fail", "failCode": 500, "failMsg": "x"}, Failed("transient", "500", "x")),
        *(("suno", {"status": status, **SUNO}, Pending()) for status in ("PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS")),
        ("suno", {"status": "SUCCESS", **SUNO}, Succeeded((A, B), None)),
        ("suno", {"status": "CALLBACK_EXCEPTION", **SUNO}, Succeeded((A, B), None)),
        ("suno", {"status": "CALLBACK_EXCEPTION", "response": {"sunoData": [{"audioUrl": A}, {}]}}, Pending()),
        ("suno", {"status": "CALLBACK_EXCEPTION", "response": None}, Pending()),
        ("suno", {"status": "CREATE_TASK_FAILED"}, Failed("transient", "CREATE_TASK_FAILED", "")),
        (
            "suno",
            {"status": "SENSITIVE_WORD_ERROR", "errorMessage": None},
            Failed("moderation", "SENSITIVE_WORD_ERROR", ""),
        ),
        ("market", {"state": "success", "resultJson": '{"resultObject": "heard"}'}, Succeeded((), None, "heard")),
        (
            "market",
            {"state": "success", "resultJson": '{"resultObject": {"text": "heard"}}'},
            Succeeded((), None, "heard"),
        ),
        ("market", {"state": "success", "resultJson": '{"text": "he\\u0000ard"}'}, Succeeded((), None, "he?ard")),
    ],
)
async def test_what_a_record_means(family: str, data: dict[str, Any], expected: base.Progress) -> None:
    """Going on, done, or failed by somebody."""
    assert await kie.families(_http(_data(data)))[family].poll("t") == expected


@pytest.mark.parametrize(
    ("family", "data"),
    [
        ("veo", {"successFlag": 1, "response": None}),
        ("veo", {"successFlag": 1, "response": {"resultUrls": A}}),
        ("runway", {"state": "success", "videoInfo": {"videoUrl": None}}),
        ("suno", {"status": "SUCCESS", "response": {"sunoData": [None]}}),
        ("market", {"state": "success", "resultJson": '{"resultObject": {"text": " "}}'}),
        ("kontext", []),
    ],
)
async def test_a_success_without_a_result_is_looked_at_again(family: str, data: object) -> None:
    """The provider contradicts itself, and may stop."""
    with pytest.raises(base.OutcomeUnknown):
        await kie.families(_http(_data(data)))[family].poll("t")


@pytest.mark.parametrize(
    ("family", "path", "named"),
    [
        ("veo", "/api/v1/veo/generate", "m"),
        ("suno", "/api/v1/generate", "m"),
        ("kontext", "/api/v1/flux/kontext/generate", "m"),
        ("runway", "/api/v1/runway/generate", None),
        ("gpt4o", "/api/v1/gpt4o-image/generate", None),
    ],
)
async def test_a_flat_body_holds_inputs_model_and_callback_side_by_side(
    family: str, path: str, named: str | None
) -> None:
    """A model among the inputs goes before the usual one; families with one model name none."""
    seen: list[httpx.Request] = []
    provider = kie.families(_http(_data({"taskId": "t"}), seen))[family]
    await provider.create(Order("m", {"prompt": "fox", "seeds": Decimal(3)}, "https://us/cb"))
    expected: dict[str, Any] = {"prompt": "fox", "seeds": 3, "callBackUrl": "https://us/cb"}
    assert seen[0].url.path == path
    assert json.loads(seen[0].content) == expected | ({"model": named} if named else {})
    await provider.create(Order("m", {"model": "n"}))
    assert json.loads(seen[1].content)["model"] == "n"


@pytest.mark.parametrize(
    "data", [None, {}, {"downloadUrl": ""}, {"downloadUrl": 5}, {"fileUrl": "a\nb"}, {"fileUrl": "h" * 3000}, [A]]
)
async def test_an_upload_without_an_address_is_not_done(data: object) -> None:
    """Nothing can be ordered from it."""
    with pytest.raises(base.OutcomeUnknown):
        await Uploads(Line(_http(_data(data)))).upload("a.jpg", "image/jpeg", b"x")


async def test_an_upload_says_how_long_it_is_and_nothing_that_it_was_not_asked_for() -> None:
    """The fields of the file host; a name or a kind cannot add a header of its own."""
    seen: list[httpx.Request] = []
    await Uploads(Line(_http(_data({"fileUrl": A}), seen))).upload('a"\r\nX-Evil: 1', "x/y\r\nX-Evil: 1", b"content")
    (request,) = seen
    assert request.url.path == "/api/file-stream-upload"
    assert request.headers["Content-Length"] == str(len(request.content))
    assert b"\r\nX-Evil" not in request.content
    assert [request.content.count(f'name="{name}"'.encode()) for name in ("file", "uploadPath", "fileName")] == [
        1,
        1,
        1,
    ]


async def test_the_file_host_s_refusal_comes_inside_http_200_too() -> None:
    """`success` false with a code, and either name of the address."""
    refused = httpx.Response(200, json={"success": False, "code": 400, "msg": "file type is not allowed"})
    with pytest.raises(base.InputRefused) as told:
        await Uploads(Line(_http(refused))).upload("a.exe", "image/jpeg", b"x")
    assert told.value.operation == "upload"
    for name in ("downloadUrl", "fileUrl"):
        assert await Uploads(Line(_http(_data({name: A})))).upload("a.jpg", "image/jpeg", b"x") == A


async def test_what_no_database_takes_is_not_passed_on() -> None:
    """Halves of characters, NUL, addresses over two lines, and an amount that is a misprint."""
    market = kie.families(_http(_data({"state": "fail", "failCode": "5\0", "failMsg": "no\0 \ud83d"})))["market"]
    assert await market.poll("t") == Failed("transient", "5?", "no? ?")
    refused = _answer(422, "no\0 \ud83d")
    with pytest.raises(base.InputRefused) as told:
        await kie.families(_http(refused))["market"].create(Order("m", {}))
    assert told.value.detail == "no? ?"
    urls = {"resultUrls": ["https://a/\n", "https://a/\ud83d", "", 5, A]}
    found = {"state": "success", "resultJson": json.dumps(urls), "creditsConsumed": 10**10}
    assert await kie.families(_http(_data(found)))["market"].poll("t") == Succeeded((A,), None)
