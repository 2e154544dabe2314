"""The provider's wire: what each answer means, and what never leaves the adapter."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bot.providers import base, call, kie
from bot.providers.base import Failed, Order, Pending, ProviderError, Succeeded
from telemetry import events, testing

KEY = SecretStr("very-secret-key")
ORDER = Order("z-image", {"prompt": "a secret fox \ud83d", "scale": Decimal("1.5"), "steps": Decimal(2)})
Answer = Callable[[httpx.Request], httpx.Response]


def _client(answer: Answer | httpx.Response) -> httpx.AsyncClient:
    handler = answer if callable(answer) else lambda _request: answer
    made = kie.client("https://provider.example/base", KEY)
    made._transport = httpx.MockTransport(handler)
    made._mounts = {}
    return made


def _kie(answer: Answer | httpx.Response) -> base.Provider:
    return kie.families(_client(answer))["market"]


def _body(code: object, data: object = None, msg: str = "said", status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "msg": msg, "data": data})


def _record(**data: Any) -> httpx.Response:
    return _body(200, {"taskId": "t", "model": "z-image", **data})


async def test_an_order_is_written_as_the_provider_reads_it() -> None:
    """Path, key, an ordinary user agent, decimals as numbers, half characters escaped, the callback's address."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return _body(200, {"taskId": "t-1"})

    order = Order(ORDER.model_id, ORDER.inputs, "https://us.example/callbacks/kie/x")
    assert await _kie(answer).create(order) == "t-1"
    (request,) = seen
    assert (request.method, str(request.url)) == ("POST", "https://provider.example/base/api/v1/jobs/createTask")
    assert request.headers["Authorization"] == "Bearer very-secret-key"
    assert request.headers["User-Agent"].startswith("Mozilla/5.0")
    assert json.loads(request.content) == {
        "model": "z-image",
        "input": {"prompt": "a secret fox \ud83d", "scale": 1.5, "steps": 2},
        "callBackUrl": "https://us.example/callbacks/kie/x",
    }


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (_body(400), base.InputRefused, "400"),
        (_body(401), base.Misconfigured, "401"),
        (_body(402), base.Misconfigured, "402"),
        (_body(404), base.Misconfigured, "404"),
        (_body(408), base.TemporarilyFailed, "408"),
        (_body(413), base.InputRefused, "413"),
        (_body(422), base.InputRefused, "422"),
        (_body(429), base.TooManyRequests, "429"),
        (_body(433), base.Misconfigured, "433"),
        (_body(451), base.InputRefused, "451"),
        (_body(455), base.TemporarilyFailed, "455"),
        (_body(500), base.TemporarilyFailed, "500"),
        (_body(501), base.TemporarilyFailed, "501"),
        (_body(505), base.Misconfigured, "505"),
        (_body(531), base.TemporarilyFailed, "531"),
        (_body(999), base.TemporarilyFailed, "999"),
        (_body(401, status=401), base.Misconfigured, "401"),
        (_body(429, status=429), base.TooManyRequests, "429"),
        (_body(None, status=400), base.InputRefused, "400"),
        (httpx.Response(403, text="error code: 1010"), base.Misconfigured, "403"),
        (httpx.Response(429, text="slow down"), base.TooManyRequests, "429"),
        (httpx.Response(502, text="Bad Gateway"), base.OutcomeUnknown, "http_5xx"),
        (_body(500, status=500), base.OutcomeUnknown, "http_5xx"),
        (httpx.Response(200, text="<html>"), base.OutcomeUnknown, "malformed"),
        (httpx.Response(200, text=""), base.OutcomeUnknown, "malformed"),
        (httpx.Response(200, text="[" * 100_000), base.OutcomeUnknown, "malformed"),
        (httpx.Response(200, text="x" * (call.LONGEST_ANSWER + 1)), base.OutcomeUnknown, "malformed"),
        (httpx.Response(200, json=[1]), base.OutcomeUnknown, "malformed"),
        (_body("200", {"taskId": "t"}), base.OutcomeUnknown, "malformed"),
        (_body([200], {"taskId": "t"}, status=404), base.OutcomeUnknown, "malformed"),
        (_body(200, None), base.OutcomeUnknown, "malformed"),
        (_body(200, {"taskId": ""}), base.OutcomeUnknown, "malformed"),
        (_body(200, {"taskId": 5}), base.OutcomeUnknown, "malformed"),
    ],
)
async def test_what_an_answer_to_an_order_means(answer: httpx.Response, kind: type[ProviderError], code: str) -> None:
    """Errors come inside HTTP 200; a 5xx or an unreadable answer leaves it open whether a task was made."""
    with pytest.raises(ProviderError) as told:
        await _kie(answer).create(ORDER)
    assert type(told.value) is kind
    assert told.value.code == code


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (httpx.ConnectError("refused"), base.NotReached, "unreachable"),
        (httpx.ConnectTimeout("slow"), base.NotReached, "unreachable"),
        (httpx.PoolTimeout("full"), base.NotReached, "unreachable"),
        (httpx.ReadTimeout("slow"), base.OutcomeUnknown, "timeout"),
        (httpx.WriteTimeout("slow"), base.OutcomeUnknown, "timeout"),
        (httpx.ReadError("reset"), base.OutcomeUnknown, "broken_off"),
        (httpx.RemoteProtocolError("cut"), base.OutcomeUnknown, "broken_off"),
    ],
)
async def test_what_no_answer_to_an_order_means(error: Exception, kind: type[ProviderError], code: str) -> None:
    """Without a connection nothing was sent; after it nobody knows."""

    def answer(_request: httpx.Request) -> httpx.Response:
        raise error

    with testing.record() as recorded, pytest.raises(ProviderError) as told:
        await _kie(answer).create(ORDER)
    assert type(told.value) is kind
    assert told.value.code == code
    (seen,) = recorded.all(events.ProviderAnswered)
    assert (seen.operation, seen.code) == ("create", code)


async def test_a_server_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read is quick enough, the whole is not: unknown, after a bounded time."""
    monkeypatch.setattr(call, "WHOLE_CALL_SECONDS", 0.05)

    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            import anyio

            while True:
                yield b" "
                await anyio.sleep(0.01)

    with pytest.raises(base.OutcomeUnknown) as told:
        await _kie(httpx.Response(200, stream=Drip())).create(ORDER)
    assert told.value.code == "timeout"


@pytest.mark.parametrize("state", ["waiting", "queuing", "generating", "dreaming", None])
async def test_states_nobody_has_heard_of_are_pending(state: str | None) -> None:
    """A new word of the provider's is no failure."""
    assert await _kie(_record(state=state)).poll("t") == Pending()


async def test_a_success_has_its_addresses_and_its_cost() -> None:
    """`resultJson` is JSON inside a text; the credits are exact."""
    body = '{"code":200,"data":{"state":"success","resultJson":"{\\"resultUrls\\":[\\"https://a/1\\"]}","creditsConsumed":0.8}}'
    assert await _kie(httpx.Response(200, text=body)).poll("t") == Succeeded(("https://a/1",), Decimal("0.8"))


@pytest.mark.parametrize("consumed", [None, "0.8", True, -1, [1]])
async def test_a_cost_that_is_none_is_left_to_the_catalogue(consumed: object) -> None:
    """What is no amount is not taken for one."""
    found = await _kie(
        _record(state="success", resultJson='{"resultUrls":["https://a/1"]}', creditsConsumed=consumed)
    ).poll("t")
    assert found == Succeeded(("https://a/1",), None)


@pytest.mark.parametrize("result", [None, "", "nonsense", "5", "{}", '{"resultUrls":[]}', '{"resultUrls":[5]}', "[1]"])
async def test_a_success_without_a_result_is_looked_at_again(result: str | None) -> None:
    """It is no failure either: the provider contradicts itself, and may stop."""
    with pytest.raises(base.OutcomeUnknown):
        await _kie(_record(state="success", resultJson=result)).poll("t")


@pytest.mark.parametrize(
    ("code", "message", "failure"),
    [
        ("501", "Your request was flagged by our content moderation.", "moderation"),
        ("400", "The input contains NSFW content", "moderation"),
        ("422", "image_url is required", "user"),
        ("500", "Internal Error", "transient"),
        ("402", "Credits insufficient", "ours"),
        ("weird", "", "transient"),
        (None, None, "transient"),
    ],
)
async def test_a_failed_task_says_whose_failure_it_is(code: str | None, message: str | None, failure: str) -> None:
    """The words of the safety filter are known; the rest follows the code."""
    found = await _kie(_record(state="fail", failCode=code, failMsg=message)).poll("t")
    assert isinstance(found, Failed)
    assert (found.failure, found.code) == (failure, code or "unknown")


async def test_a_refusal_by_the_safety_filter_is_told_as_such() -> None:
    """Moderation is no fault of the model, and not quite the user's input either."""
    with pytest.raises(base.InputRefused) as told:
        await _kie(_body(422, msg="prompt violates our policy")).create(ORDER)
    failure: str = told.value.failure
    assert failure == "moderation"


async def test_the_operator_s_balance_is_exact() -> None:
    """A number, or an error."""
    assert await kie.KieAccount(_client(httpx.Response(200, text='{"code":200,"data":99.7}'))).balance() == Decimal(
        "99.7"
    )
    with pytest.raises(base.OutcomeUnknown):
        await kie.KieAccount(_client(_body(200, "a lot"))).balance()


async def test_errors_hold_no_key_no_prompt_and_no_address() -> None:
    """What may reach a log says what was attempted and the code; the provider's words stay in `detail`, cut."""
    with pytest.raises(ProviderError) as told:
        await _kie(_body(422, msg="a secret fox " * 100)).create(ORDER)
    written = f"{told.value} {told.value!r}"
    assert written.count("create at the provider: 422") == 2
    for secret in ("very-secret-key", "fox", "provider.example"):
        assert secret not in written
    assert len(told.value.detail) == base.DETAIL_LENGTH


def test_a_proxy_of_the_environment_is_for_what_is_outside() -> None:
    """A sandbox on this machine is never asked through a proxy."""
    assert kie.client("https://provider.example", KEY).trust_env
    assert not kie.client("http://127.0.0.1:8081/kie", KEY).trust_env
