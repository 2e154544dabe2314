"""getUpdates: one call, bounded in time and in size, and its answer cut into the entries as they were sent.

    {"ok":true,"result":[ entry , entry , … ]}     each entry is cut out by itself, read or not

An entry that no parser takes (nested too deep, a number too long) must not cost the others of its answer: it is cut
out by its brackets, and whoever stores it decides what it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import anyio
import httpx

from bot.errors import BotError
from bot.ingress import ALLOWED_UPDATES
from bot.packed import UNPACKED, is_packed
from bot.settings import BotSettings

LONG_POLL_SECONDS = 25
BATCH = 100
CONNECT_SECONDS = 5.0
MARGIN_SECONDS = 10.0
"""How much later than asked the last byte of an answer may come."""
MOST_BYTES = 16 << 20
"""Of one answer; Telegram ends its own at 4 MiB."""
LONGEST_WAIT = 3600.0
WORDS = 200
"""Letters of a description that are kept."""

Reason = Literal["unreachable", "slow", "refused", "flood", "unauthorized", "conflict", "webhook", "malformed"]
_BY_STATUS: dict[int, Reason] = {401: "unauthorized", 409: "conflict", 429: "flood"}
_HEAD = re.compile(r'\s*\{\s*(?:"ok"\s*:\s*true\s*,\s*)?"result"\s*:\s*\[\s*')
_BETWEEN = re.compile(r"\s*,\s*(?!\s*[\],])")
_END = re.compile(r"\s*\]")
_MARK = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{},]', re.DOTALL)
_DECODER = json.JSONDecoder()


class NoUpdates(BotError):
    """A call brought no answer of Telegram's with updates in it; `reason` says which kind of failure it was."""

    def __init__(self, reason: Reason, found: str, retry_after: float = 0.0) -> None:
        super().__init__(f"Fetching updates: {found}")
        self.reason = reason
        self.found = found
        self.retry_after = retry_after


class Updates:
    """Fetches updates over one kept connection; `connected` opens it."""

    def __init__(
        self,
        settings: BotSettings,
        *,
        long_poll_seconds: float = LONG_POLL_SECONDS,
        margin_seconds: float = MARGIN_SECONDS,
    ) -> None:
        api = str(settings.telegram_api_url).rstrip("/")
        # A proxy of the environment is for what is outside; plain http is the sandbox on this machine.
        self._is_outside = api.startswith("https:")
        self._url = f"{api}/bot{settings.telegram_bot_token.get_secret_value()}/getUpdates"
        self._seconds = long_poll_seconds
        self._limit = long_poll_seconds + margin_seconds
        self._client: httpx.AsyncClient | None = None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Keep a connection while the block runs."""
        timeout = httpx.Timeout(self._limit, connect=CONNECT_SECONDS)
        async with httpx.AsyncClient(timeout=timeout, headers=UNPACKED, trust_env=self._is_outside) as self._client:
            yield

    async def fetch(self, offset: int | None) -> list[bytes]:
        """Return the entries as they came, in their order; raise `NoUpdates`. An offset forgets what is below it."""
        asked = {"timeout": int(self._seconds), "limit": BATCH, "allowed_updates": list(ALLOWED_UPDATES)}
        try:
            with anyio.fail_after(self._limit):
                code, body = await self._post(asked if offset is None else asked | {"offset": offset})
        except (TimeoutError, httpx.TimeoutException) as error:
            raise NoUpdates("slow", "no whole answer in time") from error
        except httpx.HTTPError as error:
            raise NoUpdates("unreachable", type(error).__name__) from error
        if code == httpx.codes.OK and (found := entries(body)) is not None:
            return found
        raise _refusal(code, body)

    async def _post(self, asked: dict[str, Any]) -> tuple[int, bytes]:
        assert self._client is not None, "connected() is not entered"  # noqa: S101 - a mistake of the caller's
        body = bytearray()
        async with self._client.stream("POST", self._url, json=asked) as response:
            if is_packed(response):
                return response.status_code, b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise NoUpdates("malformed", f"the answer is over {MOST_BYTES >> 20} MiB")
        return response.status_code, bytes(body)


def entries(answer: bytes) -> list[bytes] | None:
    """Return the raw entries of an answer; None when it is not a whole list of them."""
    # What is not UTF-8 comes out again as it went in.
    text = answer.decode("utf-8", "surrogateescape")
    head = _HEAD.match(text)
    if head is None:
        return None
    if _END.match(text, head.end()):
        return []
    found: list[bytes] = []
    for part in _parts(text, head.end()):
        if part is None:
            return None
        found.append(part.encode("utf-8", "surrogateescape"))
    return found


def _parts(text: str, at: int) -> Iterator[str | None]:
    """Yield entry after entry, and at last None if the list does not end as it should."""
    while True:
        end = _end(text, at)
        if end is None or end == at:
            yield None
            return
        yield text[at:end]
        if _END.match(text, end):
            return
        comma = _BETWEEN.match(text, end)
        if comma is None:
            yield None
            return
        at = comma.end()


def _end(text: str, at: int) -> int | None:
    """Return where the entry that begins here ends; None when the text ends before."""
    try:
        return _DECODER.raw_decode(text, at)[1]
    except (ValueError, RecursionError):
        depth = 0
        for mark in _MARK.finditer(text, at):
            found = mark[0]
            if depth == 0 and found in ",]}":
                return mark.start()
            depth += 1 if found in "[{" else -1 if found in "]}" else 0
            if depth == 0 and found in "]}":
                return mark.end()
        return None


def _refusal(code: int, body: bytes) -> NoUpdates:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    told: dict[str, Any] = answer if isinstance(answer, dict) else {}
    parameters = told.get("parameters")
    wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
    described = str(told.get("description", "no description"))[:WORDS]
    if code < httpx.codes.BAD_REQUEST:
        return NoUpdates("malformed", f"Telegram answered {code} without a list of updates")
    reason = _BY_STATUS.get(code, "refused")
    if reason == "conflict" and "webhook" in described.lower():
        reason = "webhook"
    return NoUpdates(reason, f"Telegram answered {code}: {described}", _seconds(wait))


def _seconds(wait: object) -> float:
    """Return how long Telegram wants us to wait; whatever it says, not for ever."""
    if isinstance(wait, bool) or not isinstance(wait, int | float) or not wait > 0:
        return 0.0
    return min(float(min(wait, LONGEST_WAIT)), LONGEST_WAIT)
