"""The provider's market family: createTask, recordInfo, credit. Errors come inside HTTP 200; what counts is `code`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import anyio
import httpx
from pydantic import SecretStr

from bot.providers.base import (
    DETAIL_LENGTH,
    Failed,
    Failure,
    InputRefused,
    Misconfigured,
    NotReached,
    Operation,
    Order,
    OutcomeUnknown,
    Pending,
    Progress,
    ProviderError,
    Succeeded,
    TemporarilyFailed,
    TooManyRequests,
)
from telemetry import emit, events, semconv, tracing

USER_AGENT: Final = "Mozilla/5.0 (compatible; Vigil)"
"""Without an ordinary one the provider's front refuses with 403, code 1010."""

TIMEOUT: Final = httpx.Timeout(connect=5.0, read=20.0, write=10.0, pool=5.0)
WHOLE_CALL_SECONDS: Final = 30.0
"""The timeouts above are for each read: a server that drips would hold a call for ever."""

LONGEST_ANSWER: Final = 1 << 20
MALFORMED: Final = "malformed"
OK: Final = 200
HTTP_SERVER_ERROR: Final = 500

CREATE: Final = "/api/v1/jobs/createTask"
RECORD: Final = "/api/v1/jobs/recordInfo"
CREDIT: Final = "/api/v1/chat/credit"

CODES: Final[Mapping[int, type[ProviderError]]] = {
    400: InputRefused,
    401: Misconfigured,
    402: Misconfigured,
    403: Misconfigured,
    404: Misconfigured,
    408: TemporarilyFailed,
    422: InputRefused,
    429: TooManyRequests,
    433: Misconfigured,
    451: InputRefused,
    455: TemporarilyFailed,
    500: TemporarilyFailed,
    501: TemporarilyFailed,
    505: Misconfigured,
    531: TemporarilyFailed,
}
"""What a code in the body means; others are taken as temporary, for the provider did answer."""

MODERATION: Final = ("moderat", "nsfw", "sensitive", "prohibited", "inappropriate", "safety", "policy", "violat")
"""What the provider's messages call a refusal by its safety filter."""


def client(base_url: str, key: SecretStr) -> httpx.AsyncClient:
    """Return a client for the provider; the caller closes it."""
    return httpx.AsyncClient(
        base_url=base_url,
        headers={"Authorization": f"Bearer {key.get_secret_value()}", "User-Agent": USER_AGENT},
        timeout=TIMEOUT,
        # A proxy of the environment is for the provider outside, never for a sandbox on this machine.
        trust_env=base_url.startswith("https:"),
    )


class Kie:
    """Speaks the market family's wire through a client made by `client`."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def create(self, order: Order) -> str:
        """Have a task made and return its id."""
        body: dict[str, Any] = {"model": order.model_id, "input": dict(order.inputs)}
        if order.callback_url is not None:
            body["callBackUrl"] = order.callback_url
        # ASCII on the wire: the client's own encoding refuses half of a surrogate pair, which a chat may send.
        content = json.dumps(body, ensure_ascii=True, default=_number).encode()
        data = await self._call("create", "POST", CREATE, content=content, model=order.model_id)
        task_id = data.get("taskId") if isinstance(data, dict) else None
        if not isinstance(task_id, str) or not task_id:
            raise OutcomeUnknown("create", MALFORMED, "no task id")
        return task_id

    async def poll(self, task_id: str) -> Progress:
        """Return how a task stands; a state nobody has heard of is pending."""
        data = await self._call("poll", "GET", RECORD, params={"taskId": task_id})
        if not isinstance(data, dict):
            raise OutcomeUnknown("poll", MALFORMED, "no record")
        match data.get("state"):
            case "success":
                return Succeeded(_result_urls(data), _credits(data.get("creditsConsumed")))
            case "fail":
                code, detail = str(data.get("failCode") or "unknown"), str(data.get("failMsg") or "")
                return Failed(_failure(code, detail), code, detail[:DETAIL_LENGTH])
            case _:
                return Pending()

    async def balance(self) -> Decimal:
        """Return the operator's credits with the provider."""
        found = _credits(await self._call("balance", "GET", CREDIT))
        if found is None:
            raise OutcomeUnknown("balance", MALFORMED, "no number")
        return found

    async def _call(
        self,
        operation: Operation,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        model: str | None = None,
    ) -> Any:
        began, code = time.monotonic(), "cancelled"
        attributes: dict[str, tracing.Value] = {semconv.GEN_AI_PROVIDER_NAME: "kie", semconv.HTTP_ROUTE: path}
        if model is not None:
            attributes[semconv.GEN_AI_REQUEST_MODEL] = model
        with tracing.span(f"provider {operation}", kind="client") as span:
            span.set(attributes)
            try:
                data = await self._answer(operation, method, path, content, params)
            except ProviderError as error:
                code = error.code
                raise
            else:
                code = str(OK)
                return data
            finally:
                seconds = time.monotonic() - began
                emit(events.ProviderAnswered(provider="kie", operation=operation, code=code, seconds=seconds))

    async def _answer(
        self, operation: Operation, method: str, path: str, content: bytes | None, params: Mapping[str, str] | None
    ) -> Any:
        headers = {"Content-Type": "application/json"} if content is not None else {}
        try:
            with anyio.fail_after(WHOLE_CALL_SECONDS):
                async with self._http.stream(method, path, content=content, params=params, headers=headers) as response:
                    body = await _read(operation, response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise NotReached(operation, "unreachable") from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise OutcomeUnknown(operation, "timeout") from error
        except httpx.HTTPError as error:
            raise OutcomeUnknown(operation, "broken_off") from error
        return _data(operation, response.status_code, body)


async def _read(operation: Operation, response: httpx.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > LONGEST_ANSWER:
            raise OutcomeUnknown(operation, MALFORMED, "too long")
    return bytes(body)


def _data(operation: Operation, status: int, body: bytes) -> Any:
    """Return the answer's data, or raise what the status and the code in the body say."""
    if status >= HTTP_SERVER_ERROR:
        # Perhaps a gateway's: the program behind it may have made the task.
        raise OutcomeUnknown(operation, "http_5xx", f"HTTP {status}")
    try:
        answer = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        if status != OK:
            raise CODES.get(status, Misconfigured)(operation, str(status)) from error
        raise OutcomeUnknown(operation, MALFORMED, "no JSON") from error
    code = answer.get("code") if isinstance(answer, dict) else None
    if status != OK and (code is None or code == OK):
        code = status
    if not isinstance(code, int):
        raise OutcomeUnknown(operation, MALFORMED, "no code")
    if code == OK:
        return answer.get("data")
    detail = str(answer.get("msg") or "")
    kind = CODES.get(code, TemporarilyFailed)
    raise kind(operation, str(code), detail, _moderated(detail) if kind is InputRefused or code == 501 else None)  # noqa: PLR2004


def _result_urls(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the addresses in `resultJson`, which is JSON inside a JSON text."""
    try:
        result = json.loads(data.get("resultJson") or "")
        urls = tuple(url for url in result["resultUrls"] if isinstance(url, str))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise OutcomeUnknown("poll", MALFORMED, "no result") from error
    if not urls:
        raise OutcomeUnknown("poll", MALFORMED, "no result")
    return urls


def _failure(code: str, detail: str) -> Failure:
    """Return whose failure a task's failCode means; a task that was made and failed is never ours to submit again."""
    kind = CODES.get(int(code), TemporarilyFailed) if code.isdecimal() else TemporarilyFailed
    return _moderated(detail) or (kind.failure if kind in {InputRefused, Misconfigured} else "transient")


def _moderated(detail: str) -> Failure | None:
    lowered = detail.lower()
    return "moderation" if any(word in lowered for word in MODERATION) else None


def _credits(value: object) -> Decimal | None:
    found = Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
    return found if found is not None and found.is_finite() and found >= 0 else None


def _number(value: object) -> int | float:
    """Write a decimal input as JSON's number; nothing counts with it here."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"an input of type {type(value).__name__} has no JSON form")
