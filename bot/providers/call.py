"""One call to the provider: sent once, read within limits, its answer's data or the ProviderError that it means.

Errors come inside HTTP 200: what counts is `code` in the body. A 5xx, or an answer that cannot be read, leaves it open
whether the call took effect.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any, Final

import anyio
import httpx

from bot.packed import is_packed
from bot.providers.base import (
    Failure,
    InputRefused,
    Misconfigured,
    NotReached,
    Operation,
    OutcomeUnknown,
    ProviderError,
    TemporarilyFailed,
    TooManyRequests,
)
from telemetry import emit, events, semconv, tracing

WHOLE_CALL_SECONDS: Final = 30.0
"""httpx's timeouts are for each read: a server that drips would hold a call for ever."""

LONGEST_ANSWER: Final = 1 << 20
MALFORMED: Final = "malformed"
OK: Final = 200
GENERATION_FAILED: Final = 501
HTTP_SERVER_ERROR: Final = 500

CODES: Final[Mapping[int, type[ProviderError]]] = {
    400: InputRefused,
    401: Misconfigured,
    402: Misconfigured,
    403: Misconfigured,
    404: Misconfigured,
    408: TemporarilyFailed,
    413: InputRefused,
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

Content = bytes | AsyncIterator[bytes]


class Line:
    """Makes the calls, through a client made by `bot.providers.kie.client`."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, operation: Operation, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Read something; return the answer's data."""
        return await self._call(operation, self._http.build_request("GET", path, params=params), path)

    async def post(self, operation: Operation, path: str, body: Mapping[str, Any], model: str) -> Any:
        """Send a JSON body, decimals as numbers; return the answer's data."""
        # ASCII on the wire: the client's own encoding refuses half of a surrogate pair, which a chat may send.
        content = json.dumps(body, ensure_ascii=True, default=_number).encode()
        return await self.send(operation, path, content, {"Content-Type": "application/json"}, model=model)

    async def send(
        self,
        operation: Operation,
        path: str,
        content: Content,
        headers: Mapping[str, str],
        *,
        model: str | None = None,
        seconds: float | None = None,
    ) -> Any:
        """Send any body, within so many seconds; return the answer's data."""
        request = self._http.build_request("POST", path, content=content, headers=dict(headers))
        return await self._call(operation, request, path, model, seconds)

    async def _call(
        self,
        operation: Operation,
        request: httpx.Request,
        path: str,
        model: str | None = None,
        seconds: float | None = None,
    ) -> Any:
        """Make one call, seen by traces and metrics however it ends."""
        began, code = time.monotonic(), "cancelled"
        attributes: dict[str, tracing.Value] = {semconv.GEN_AI_PROVIDER_NAME: "kie", semconv.HTTP_ROUTE: path}
        if model is not None:
            attributes[semconv.GEN_AI_REQUEST_MODEL] = model
        with tracing.span(f"provider {operation}", kind="client") as span:
            span.set(attributes)
            try:
                data = await self._answer(operation, request, seconds or WHOLE_CALL_SECONDS)
            except ProviderError as error:
                code = error.code
                raise
            else:
                code = str(OK)
                return data
            finally:
                took = time.monotonic() - began
                emit(events.ProviderAnswered(provider="kie", operation=operation, code=code, seconds=took))

    async def _answer(self, operation: Operation, request: httpx.Request, seconds: float) -> Any:
        try:
            with anyio.fail_after(seconds):
                response = await self._http.send(request, stream=True)
                try:
                    body = await _read(operation, response)
                finally:
                    with anyio.move_on_after(1.0, shield=True):
                        await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise NotReached(operation, "unreachable") from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise OutcomeUnknown(operation, "timeout") from error
        except httpx.HTTPError as error:
            raise OutcomeUnknown(operation, "broken_off") from error
        return _data(operation, response.status_code, body)


def failure_of(code: str, detail: str) -> Failure:
    """Return whose failure a task's error code means; a task that was made and failed is never ours to submit again."""
    kind = CODES.get(_whole(code), TemporarilyFailed)
    return moderated(detail) or (kind.failure if kind in {InputRefused, Misconfigured} else "transient")


def moderated(detail: str) -> Failure | None:
    """Return "moderation" for words of the safety filter."""
    lowered = detail.lower()
    return "moderation" if any(word in lowered for word in MODERATION) else None


async def _read(operation: Operation, response: httpx.Response) -> bytes:
    if is_packed(response):
        # Only its status is known.
        return b""
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
    is_success = httpx.codes.is_success(status)
    try:
        answer = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        if not is_success:
            raise CODES.get(status, Misconfigured)(operation, str(status)) from error
        raise OutcomeUnknown(operation, MALFORMED, "no JSON") from error
    said = answer if isinstance(answer, dict) else {}
    code = said.get("code")
    if not is_success and (code is None or code == OK):
        code = status
    if type(code) is not int:
        raise OutcomeUnknown(operation, MALFORMED, "no code")
    if code == OK:
        return said.get("data")
    detail = str(said.get("msg") or "")
    kind = CODES.get(code, TemporarilyFailed)
    is_about_input = kind is InputRefused or code == GENERATION_FAILED
    raise kind(operation, str(code), detail, moderated(detail) if is_about_input else None)


def _whole(text: str) -> int:
    # Longer ones are no codes, and int() itself refuses thousands of digits.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len("1000") else 0


def _number(value: object) -> int | float:
    """Write a decimal input as JSON's number; nothing counts with it here."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"an input of type {type(value).__name__} has no JSON form")
